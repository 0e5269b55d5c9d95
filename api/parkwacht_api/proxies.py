"""
What a proxy in front says of a request: the address it came from, the certificate it was made with.

Only a proxy of the settings is believed; from anybody else such headers are only words.
"""

import ipaddress
import re
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import Request

from parkwacht_config.settings import Settings

FORWARDED = "x-forwarded-for"
FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def is_trusted_proxy(host: str, settings: Settings) -> bool:
    """Say whether an address is that of a proxy of ours."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in settings.trusted_proxies)


def client_address(request: Request, settings: Settings) -> str:
    """Return the address a request came from: the last one that no proxy of ours has."""
    host = request.client.host if request.client else ""
    told = ",".join(request.headers.getlist(FORWARDED)).split(",")
    while told and is_trusted_proxy(host, settings):
        named = told.pop().strip()
        if not named:
            break
        host = named
    return host


def client_certificate_sha256(request: Request, settings: Settings) -> str | None:
    """
    Return the fingerprint of the certificate that our proxy was shown, or None.

    The proxy has asked for proof of its private key; it tells the fingerprint as hex, or the whole
    certificate as PEM, also percent-encoded as nginx does (`$ssl_client_escaped_cert`).
    """
    name = settings.client_certificate_header
    host = request.client.host if request.client else ""
    if name is None or not is_trusted_proxy(host, settings):
        return None
    told = request.headers.getlist(name)
    # Two of them: one is the stranger's own, and nobody can tell which.
    return read_fingerprint(told[0]) if len(told) == 1 else None


def read_fingerprint(told: str) -> str | None:
    """Return the SHA-256 of a certificate from its fingerprint or its PEM, or None."""
    plain = told.strip().lower().removeprefix("sha256:").replace(":", "")
    if FINGERPRINT.fullmatch(plain):
        return plain
    try:
        certificate = x509.load_pem_x509_certificate(unquote(told).encode())
    except ValueError:
        return None
    return certificate.fingerprint(SHA256()).hex()
