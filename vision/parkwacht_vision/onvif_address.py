"""
Addresses and texts that foreign devices give, made fit to print, to use and to keep.

No credential stays in them, and nothing in them is obeyed by a terminal.
"""

import ipaddress
import re
from urllib.parse import quote, urlsplit, urlunsplit

from parkwacht_config.errors import SourceError
from parkwacht_config.text import Text

DEVICE_PATH = "/onvif/device_service"
_PATH_SAFE = "/%=&+,;:!$'()*"
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_LOGIN_KEY = r"((?:user(?:name)?|pass(?:word|wd)?|pwd)=)"
# Some makes write a login, or its hash, into the path: user=admin_password=tlJwpbo6_channel=1.sdp
_IN_PATH = re.compile(_LOGIN_KEY + r".*?(?=[&/]|_[a-z]+=|$)", re.IGNORECASE)
_IN_QUERY = re.compile(_LOGIN_KEY + r"[^&]*", re.IGNORECASE)


def device_url(address: str) -> str:
    """
    Return the address of the device service of a host or URL.

    Parameters
    ----------
    address
        `192.168.1.64`, `camera:8080` or `http://camera/onvif/device_service`.

    Raises
    ------
    SourceError
        It is none, or holds a name or password.
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if "@" in address:
        raise SourceError(
            Text(
                nl="geen naam of wachtwoord in het adres van een camera: anderen kunnen een "
                "opdrachtregel lezen; gebruik --user-env en --password-env",
                en="no name or password in the address of a camera: others can read a command "
                "line; use --user-env and --password-env",
            )
        )
    if (parts.scheme or "http") not in {"http", "https"} or not is_host(host):
        shown = clean_text(address, 120)
        raise SourceError(
            Text(
                nl=f"{shown}: is geen adres van een camera; geef een IP-adres, een naam of "
                f"http://camera{DEVICE_PATH}",
                en=f"{shown}: is no address of a camera; give an IP address, a name or "
                f"http://camera{DEVICE_PATH}",
            )
        )
    shown_host = f"[{host}]" if ":" in host else host
    netloc = shown_host if port is None else f"{shown_host}:{port}"
    path = DEVICE_PATH if parts.path in {"", "/"} else quote(parts.path, safe="/%")
    return urlunsplit((parts.scheme or "http", netloc, path, "", ""))


def without_credentials(address: str, secret: str) -> str:
    """
    Return the address of a stream without any credential, empty where it is none.

    Parameters
    ----------
    address
        As the device gave it.
    secret
        The password with which it was asked, that must not come back.
    """
    try:
        parts = urlsplit("".join(address.split()))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"rtsp", "rtsps", "http", "https"} or not is_host(host):
        return ""
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port is None else f"{shown}:{port}"
    path = _IN_PATH.sub(r"\1***", quote(clean_text(parts.path, 500), safe=_PATH_SAFE))
    query = _IN_QUERY.sub(r"\1***", clean_text(parts.query, 500))
    rest = urlunsplit(("", "", path, query, ""))
    for written in {secret, quote(secret, safe=""), quote(secret)} - {""}:
        rest = rest.replace(written, "***")
    return f"{parts.scheme}://{netloc}{rest}"


def is_host(host: str) -> bool:
    """Return whether a text can be a host: a name, an IPv4 or an IPv6 address."""
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        return isinstance(ipaddress.ip_address(host), ipaddress.IPv6Address)
    except ValueError:
        return False


def clean_text(text: str, limit: int = 80) -> str:
    """
    Return a foreign text on one line, without what a terminal would obey.

    Parameters
    ----------
    text
        Whatever a device said.
    limit
        Its most characters.
    """
    return "".join(one if one.isprintable() else " " for one in text[: 4 * limit])[:limit].strip()
