"""Names resolved once, every address checked, and the connection made to exactly these addresses."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from services.integrations.address_check import AddressPolicy, check_address


class CheckedResolver(AbstractResolver):
    """Resolves names for aiohttp and lets nothing through that the policy refuses."""

    def __init__(self, policy: AddressPolicy) -> None:
        """One resolver per policy, and one pool of connections per resolver."""
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of a name, each checked.

        Raises:
            AddressRefused: one of them may not be called; a mixed answer is refused as a whole.
            OSError: the name has none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        return [self._result(host, entry) for entry in found]

    async def close(self) -> None:
        """There is nothing to close."""

    def _result(self, host: str, entry: tuple[Any, ...]) -> ResolveResult:
        family, _, protocol, _, place = entry
        check_address(host, ip_address(str(place[0]).split("%", 1)[0]), self._policy)
        return ResolveResult(
            hostname=host,
            host=str(place[0]),
            port=int(place[1]),
            family=family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
