"""No spelling of an internal address gets through; the operator can open networks, metadata services stay closed."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from services.integrations.address_check import (
    PUBLIC_ONLY,
    AddressPolicy,
    AddressRefused,
    check_literal,
    read_policy,
)
from services.integrations.checked_resolver import CheckedResolver

REFUSED = [
    "127.0.0.1",
    "127.255.255.255",
    "127.0.0.53",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.88.99.1",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "0:0:0:0:0:ffff:7f00:0001",
    "::ffff:0:127.0.0.1",
    "::ffff:0:169.254.169.254",
    "::169.254.169.254",
    "::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:a00:1::1",
    "2002:c0a8:101::",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "5f00::1",
    "3fff::1",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "52.94.236.248",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "192.0.1.1",
    "198.17.0.1",
    "223.255.255.1",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_internal_address_is_refused(address: str) -> None:
    assert PUBLIC_ONLY.refuses(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert not PUBLIC_ONLY.refuses(ip_address(address))


def test_an_opened_network_passes_in_every_spelling_but_not_its_metadata_service() -> None:
    policy = read_policy(["10.0.0.0/8", "169.254.0.0/16", "::1/128"])
    assert not policy.refuses(ip_address("10.1.2.3"))
    assert not policy.refuses(ip_address("::ffff:10.1.2.3"))
    assert not policy.refuses(ip_address("::1"))
    assert policy.refuses(ip_address("169.254.169.254"))
    assert policy.refuses(ip_address("127.0.0.1"))


def test_a_wrong_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        read_policy(["10.0.0.0/99"])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "::1", "fe80::1%eth0", "[::ffff:169.254.169.254]"])
def test_a_host_written_as_an_address_is_checked(host: str) -> None:
    with pytest.raises(AddressRefused):
        check_literal(host, PUBLIC_ONLY)


def test_a_host_name_is_left_to_the_resolver() -> None:
    check_literal("example.com", PUBLIC_ONLY)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost"])
async def test_what_the_system_reads_as_loopback_is_refused(host: str) -> None:
    with pytest.raises(OSError):
        await CheckedResolver(PUBLIC_ONLY).resolve(host, 443)


async def test_one_bad_address_refuses_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def two_addresses(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses, raising=False)
    with pytest.raises(AddressRefused, match=r"rebound.example \(::1\) is not a public address"):
        await CheckedResolver(PUBLIC_ONLY).resolve("rebound.example", 443)


async def test_the_resolver_hands_on_exactly_what_it_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def public(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", public, raising=False)
    (found,) = await CheckedResolver(AddressPolicy()).resolve("example.com", 443)
    assert (found["hostname"], found["host"], found["port"]) == ("example.com", "93.184.216.34", 443)
