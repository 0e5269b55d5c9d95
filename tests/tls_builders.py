"""A certificate for a name, made for one test, and what trusts it."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificate(
    folder: Path, name: str, *, valid_days: tuple[int, int] = (-1, 1), by_authority: bool = False
) -> tuple[ssl.SSLContext, Path]:
    """
    Return the server's context, and the file of the certificate that clients trust.

    Parameters
    ----------
    folder
        Gets that file as `trusted.pem`, and the server's key and certificate as `server.pem`.
    name
        A host's name or address, as the certificate names it.
    valid_days
        From when to when, in days from now.
    by_authority
        Signed by an authority, which is what clients trust; else by itself.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    signing = ec.generate_private_key(ec.SECP256R1()) if by_authority else key
    issuer = "authority" if by_authority else name
    certificate = _signed(key, name, (signing, issuer), valid_days)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    root = _signed(signing, issuer, (signing, issuer), (-1, 1)) if by_authority else certificate
    trusted = folder / "trusted.pem"
    trusted.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(
        private + certificate.public_bytes(serialization.Encoding.PEM)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "server.pem")
    return serving, trusted


def _signed(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    by: tuple[ec.EllipticCurvePrivateKey, str],
    valid_days: tuple[int, int],
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by[1])]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid_days[0]))
        .not_valid_after(now + timedelta(days=valid_days[1]))
        .add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
    )
    if name == by[1] == "authority":
        can_sign = x509.BasicConstraints(ca=True, path_length=None)
        builder = builder.add_extension(can_sign, critical=True)
    return builder.sign(by[0], hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
