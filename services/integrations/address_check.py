"""Which addresses a definition may reach: public ones, and what the operator has allowed; metadata services never.

A name is resolved once, every address found is checked, and the connection goes to exactly these addresses
(checked_resolver.py), so that a second answer of the name server changes nothing. IPv6 addresses that carry an IPv4
address inside (mapped, compatible, translated, NAT64, 6to4, ISATAP) are judged by it; Teredo is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word) for word in text.split())


# Link-local as a whole (cloud metadata, container and pod credentials), and the metadata and host services of clouds
# that use other addresses.
NEVER: Final = _networks(
    "169.254.0.0/16 fe80::/10 fd00:ec2::/32 fd20:ce::/32 100.100.100.200/32 192.0.0.192/32 168.63.129.16/32"
)
# Source: the special-purpose registries of IANA.
NOT_PUBLIC: Final = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 "
    "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
    "::/8 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7 fec0::/10 ff00::/8"
)
_NAT64: Final = ip_network("64:ff9b::/96")
_SIXTOFOUR: Final = ip_network("2002::/16")
_TRANSLATED: Final = ip_network("::ffff:0:0:0/96")
_COMPATIBLE: Final = ip_network("::/96")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
_LOW_32: Final = 0xFFFFFFFF
# `::` and `::1` stand for themselves, not for 0.0.0.0 and 0.0.0.1.
_LAST_OF_COMPATIBLE_ZERO: Final = 0xFFFF


class AddressRefused(OSError):
    """The host, or one of its addresses, may not be called; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be called beside public addresses.

    Attributes:
        allowed: networks that the operator opened; metadata services stay closed even inside them.
        plain_http: whether `http:` may be used.
    """

    allowed: tuple[Network, ...] = ()
    plain_http: bool = False

    def refuses(self, address: Address) -> bool:
        """Whether this address, or the one inside it, may not be called."""
        forms = list(_forms(address))
        if any(_inside(form, NEVER) for form in forms):
            return True
        return any(_inside(form, NOT_PUBLIC) for form in forms) and not any(
            _inside(form, self.allowed) for form in forms
        )


PUBLIC_ONLY: Final = AddressPolicy()


def read_policy(networks: Iterable[str], *, plain_http: bool = False) -> AddressPolicy:
    """The policy of the operator's settings.

    Raises:
        ValueError: not a network; the message names it.
    """
    return AddressPolicy(tuple(ip_network(text.strip(), strict=False) for text in networks if text.strip()), plain_http)


def check_literal(host: str, policy: AddressPolicy) -> None:
    """Check a host that is written as an address; a name passes, its addresses are checked when it is resolved.

    Raises:
        AddressRefused: it may not be called.
    """
    try:
        address = ip_address(host.strip("[]").split("%", 1)[0])
    except ValueError:
        return
    check_address(host, address, policy)


def check_address(host: str, address: Address, policy: AddressPolicy) -> None:
    """Check one address of a host.

    Raises:
        AddressRefused: it may not be called.
    """
    if not policy.refuses(address):
        return
    if any(_inside(form, NEVER) for form in _forms(address)):
        raise AddressRefused(f"{host} ({address}) is never called: the address belongs to metadata services.")
    raise AddressRefused(
        f"{host} ({address}) is not a public address; the operator can allow its network with STEPWELL_HTTP_ALLOW."
    )


def _inside(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _forms(address: Address) -> Iterator[Address]:
    """What counts: the address, or behind a translating prefix the IPv4 address inside it, or both."""
    if isinstance(address, IPv4Address):
        yield address
        return
    bits = int(address)
    low = IPv4Address(bits & _LOW_32)
    if (
        address.ipv4_mapped is not None
        or address in _NAT64
        or address in _TRANSLATED
        or (address in _COMPATIBLE and bits > _LAST_OF_COMPATIBLE_ZERO)
    ):
        yield low
    elif address in _SIXTOFOUR:
        yield IPv4Address(bits >> 80 & _LOW_32)
    else:
        yield address
        if bits >> 32 & _LOW_32 in _ISATAP:
            yield low
