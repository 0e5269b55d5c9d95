"""
Whether the machine at an address is the one that a certificate names.

Cameras have certificates that nobody vouches for, so that FFmpeg asks for none. Who names a file of
certificates in `PARKWACHT_CAMERA_CERTIFICATES` has them asked for, of https, rtmps and rtsps.
"""

import os
import socket
import ssl
from urllib.parse import urlsplit

SETTING = "PARKWACHT_CAMERA_CERTIFICATES"
PORTS = {"https": 443, "rtmps": 443, "rtsps": 322}
LIMIT_S = 3.0
_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_... of OpenSSL


def trust_options(url: str) -> dict[str, str]:
    """Return FFmpeg's options for an address: none where it is not over TLS."""
    if urlsplit(url).scheme.lower() not in PORTS:
        return {}
    trusted = os.environ.get(SETTING)
    # Said also where none is asked for: FFmpeg is going to ask by itself.
    return {"tls_verify": "1", "ca_file": trusted} if trusted else {"tls_verify": "0"}


def trust_problem(url: str) -> tuple[str, str, str] | None:
    """
    Ask what FFmpeg does not say: whether it was for want of trust that an address was refused.

    Returns
    -------
    cause, dutch, english
        None where trust was no reason.
    """
    trusted = trust_options(url).get("ca_file")
    if trusted is None:
        return None
    try:
        context = ssl.create_default_context(cafile=trusted)
    except OSError:  # also for what is no PEM
        return (
            "refused_certificate",
            f"wordt niet vertrouwd: {SETTING} noemt {trusted}, en dat is geen leesbaar PEM-bestand",
            f"is not trusted: {SETTING} names {trusted}, which is no readable PEM file",
        )
    try:
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or PORTS[parts.scheme.lower()])
        with (
            socket.create_connection(address, LIMIT_S) as plain,
            context.wrap_socket(plain, server_hostname=address[0]),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return ("refused_certificate", *_why_refused(error.verify_code, address[0]))
    except OSError:
        return None


def _why_refused(code: int, host: str) -> tuple[str, str]:
    if code == _EXPIRED:
        return ("heeft een certificaat dat is verlopen", "has a certificate that has expired")
    if code == _NOT_YET:
        return (
            "heeft een certificaat dat nog niet geldt; klopt de klok van deze machine?",
            "has a certificate that is not valid yet; is this machine's clock right?",
        )
    if code in {_OTHER_HOST, _OTHER_ADDRESS}:
        return (
            f"heeft een certificaat dat niet op {host} staat",
            f"has a certificate that does not name {host}",
        )
    return (
        f"heeft een certificaat dat niet in {SETTING} staat",
        f"has a certificate that is not in {SETTING}",
    )
