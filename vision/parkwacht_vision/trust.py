"""
Whether the machine at an address is the one that a certificate names.

Cameras have certificates that nobody vouches for, so that FFmpeg asks for none. Who names a file of
certificates in `PARKWACHT_CAMERA_CERTIFICATES` has them asked for, of https and rtmps.
"""

import os
import socket
import ssl
from urllib.parse import urlsplit

SETTING = "PARKWACHT_CAMERA_CERTIFICATES"
PORTS = {"https": 443, "rtmps": 443}
LIMIT_S = 3.0


def trust_options(url: str) -> dict[str, str]:
    """Return FFmpeg's options for an address: none where no certificate is asked for."""
    trusted = os.environ.get(SETTING)
    if not trusted or urlsplit(url).scheme.lower() not in PORTS:
        return {}
    return {"tls_verify": "1", "ca_file": trusted}


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
    except ssl.SSLCertVerificationError:
        return (
            "refused_certificate",
            f"heeft een certificaat dat niet in {SETTING} staat, of op een andere naam",
            f"has a certificate that is not in {SETTING}, or of another name",
        )
    except OSError:
        return None
