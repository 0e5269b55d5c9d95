"""
Which ONVIF devices answer on this network.

The question goes by multicast (WS-Discovery, 239.255.255.250 port 3702), which no router passes on,
so that only the network of the interface is asked. What answers is foreign and may lie.
"""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from onveef import wsdiscovery

from parkwacht_config.errors import SourceError
from parkwacht_config.text import Text
from parkwacht_vision.onvif_address import clean_text, is_host

# A device answers only if it is everything that was asked for, and an older one is but the first
# (WS-Discovery 5.3): so each is asked for on its own.
_KINDS = ("dn:NetworkVideoTransmitter", "tds:Device")
MAX_DEVICES = 1000
MAX_SCOPES = 8


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device that answered, by its own words."""

    host: str
    url: str
    name: str
    hardware: str
    locations: tuple[str, ...]


def find_devices(*, timeout_s: float, interface_ip: str | None) -> list[FoundDevice]:
    """
    Ask the network which ONVIF devices there are.

    Parameters
    ----------
    timeout_s
        How long to listen, per network.
    interface_ip
        Address of this machine on the network to ask; None asks every network it is on.

    Returns
    -------
    devices
        Each once, by address.

    Raises
    ------
    SourceError
        This machine has no such address.
    """
    if interface_ip is not None:
        _check_interface(interface_ip)

    def ask(kind: str) -> list[wsdiscovery.DiscoveredDevice]:
        return wsdiscovery.discover(timeout_s=timeout_s, types=kind, interface_ip=interface_ip)

    with ThreadPoolExecutor(len(_KINDS)) as pool:
        answers = [one for found in pool.map(ask, _KINDS) for one in found][:MAX_DEVICES]
    devices = {one.endpoint_reference or one.address: _device(one) for one in answers}
    return sorted((one for one in devices.values() if one is not None), key=_order)


def _check_interface(interface_ip: str) -> None:
    try:
        ipaddress.IPv4Address(interface_ip)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
            trial.bind((interface_ip, 0))
    except (OSError, ValueError) as error:
        own = ", ".join(wsdiscovery.local_ipv4_addresses()) or "-"
        raise SourceError(
            Text(
                nl=f"--interface {interface_ip}: is geen adres van deze machine; die heeft: {own}",
                en=f"--interface {interface_ip}: is no address of this machine; it has: {own}",
            )
        ) from error


def _device(answer: wsdiscovery.DiscoveredDevice) -> FoundDevice | None:
    """Take an answer that leads somewhere, None else."""
    # A device may also name an address that only its own cable knows, or IPv6: those come last.
    addresses = sorted(
        (one for one in answer.xaddrs if _host(one)),
        key=lambda one: (_host(one).startswith(("169.254.", "fe80:")), ":" in _host(one)),
    )
    if not addresses:
        return None
    return FoundDevice(
        _host(addresses[0]),
        addresses[0],
        ", ".join(_scopes(answer.scopes, "name")),
        ", ".join(_scopes(answer.scopes, "hardware")),
        tuple(_scopes(answer.scopes, "location")),
    )


def _host(url: str) -> str:
    """Return the host of an address that can be asked, empty else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.hostname or ""
    is_right = parts.scheme in {"http", "https"} and url.isprintable() and "@" not in url
    return host if is_right and is_host(host) else ""


def _scopes(scopes: list[str], kind: str) -> list[str]:
    """Read the values of one kind of scope: onvif://www.onvif.org/KIND/VALUE, in per cents."""
    before = f"onvif://www.onvif.org/{kind}/"
    found = [unquote(one[len(before) :]) for one in scopes if one.lower().startswith(before)]
    return [one for one in map(clean_text, found) if one][:MAX_SCOPES]


def _order(device: FoundDevice) -> tuple[int, int, str]:
    try:
        address = ipaddress.ip_address(device.host)
    except ValueError:
        return 9, 0, device.host
    return address.version, int(address), device.url
