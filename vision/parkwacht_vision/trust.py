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


def is_distrusted(url: str) -> bool:
    """Ask what FFmpeg does not say: whether it was the certificate that was refused."""
    options = trust_options(url)
    if not options:
        return False
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or PORTS[parts.scheme.lower()])
    try:
        context = ssl.create_default_context(cafile=options["ca_file"])
        with (
            socket.create_connection(address, LIMIT_S) as plain,
            context.wrap_socket(plain, server_hostname=address[0]),
        ):
            return False
    except ssl.SSLCertVerificationError:
        return True
    except OSError:
        return False
