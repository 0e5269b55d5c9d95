"""
Whether a webhook may go where its name leads: never into the network of the park by accident.

A name is resolved once, every address behind it is looked at, and the connection is made to an
address that was looked at: a name server that says something else a moment later changes nothing.
This machine is allowed where the site file names it literally.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

from parkwacht_config.errors import DeliveryError
from parkwacht_config.text import Text

Resolve = Callable[..., list[Any]]
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address in the last 32 bits


class HostRefused(DeliveryError):  # noqa: N818
    """The name leads nowhere, or to where nothing may be sent."""


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]


def is_public(value: str) -> bool:
    """Say whether an address is one of the open internet: not private, local, shared or many's."""
    address = ipaddress.ip_address(value.partition("%")[0])
    inner = _inner(address) if isinstance(address, ipaddress.IPv6Address) else None
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)


def is_named_local(host: str) -> bool:
    """Say whether a host literally is this machine: `localhost` or a loopback address."""
    if host.rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def checked_hosts(
    host: str, port: int, *, allow_private: bool, resolve: Resolve = socket.getaddrinfo
) -> list[str]:
    """
    Return what to connect to for a host: addresses that may be reached, in the resolver's order.

    Parameters
    ----------
    host
        As the site file has it.
    port
        Where it listens.
    allow_private
        Whether the receiver may stand in a private network.
    resolve
        Asks for the addresses of a name, as `socket.getaddrinfo` does.

    Raises
    ------
    HostRefused
        It has no address, or one that is not public and may not be reached.
    """
    if is_named_local(host):
        return [host]
    try:
        found = resolve(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostRefused(
            Text(nl=f"{host} heeft geen adres ({error})", en=f"{host} has no address ({error})")
        ) from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    inside = [one for one in addresses if not is_public(one)]
    if inside and not allow_private:
        raise HostRefused(
            Text(
                nl=f"{host} ligt in een eigen net ({inside[0]}): zet allow_private = true als dat "
                "zo hoort",
                en=f"{host} is in a private network ({inside[0]}): set allow_private = true where "
                "that is right",
            )
        )
    return addresses
