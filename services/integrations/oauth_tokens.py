"""Access tokens of OAuth connections, asked for once and used until shortly before they expire."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from engine.payload import JsonError, decode_json
from services.integrations.address_check import AddressPolicy, AddressRefused
from services.integrations.connections import Connection, ConnectionProblem, OAuth
from services.integrations.failures import TooLarge, Unreachable
from services.integrations.http_encoding import form, with_query
from services.integrations.outside import Outside, OutsideAnswer
from services.runtime.clock import Clock

_REFRESH_BEFORE_MS: Final = 60_000
_DEFAULT_SECONDS: Final = 300
_TOKENS_MAX: Final = 1_000
_TOKEN_BYTES_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    expires_ms: int


class OAuthTokens:
    """Tokens by connection; a changed connection gets a new one."""

    def __init__(self, outside: Outside, clock: Clock) -> None:
        """Tokens live in memory only."""
        self._outside = outside
        self._clock = clock
        self._tokens: OrderedDict[tuple[str, int], _Token] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    async def token(self, connection: Connection, policy: AddressPolicy) -> str:
        """A token that is good for a while.

        Raises:
            ConnectionProblem: the authorization server cannot be asked or refuses.
        """
        assert connection.oauth is not None
        key = (connection.arn, connection.changed_ms)
        async with self._locks.setdefault(connection.arn, asyncio.Lock()):
            token = self._tokens.get(key)
            if token is None or token.expires_ms - self._clock.now_ms() < _REFRESH_BEFORE_MS:
                token = self._tokens[key] = await self._ask(connection.arn, connection.oauth, policy)
                while len(self._tokens) > _TOKENS_MAX:
                    (arn, _), _ = self._tokens.popitem(last=False)
                    self._locks.pop(arn, None)
            return token.text

    def forget(self, connection: Connection) -> None:
        """The server refused the token: ask for another at the next call."""
        self._tokens.pop((connection.arn, connection.changed_ms), None)

    async def _ask(self, arn: str, oauth: OAuth, policy: AddressPolicy) -> _Token:
        fields = {one.key: one.value for one in oauth.http.body}
        fields = {"grant_type": "client_credentials", **fields}
        fields |= {"client_secret": oauth.client_secret, "client_id": oauth.client_id}
        query = {one.key: one.value for one in oauth.http.query}
        headers = [(one.key, one.value) for one in oauth.http.headers]
        if oauth.method == "GET":
            url, body = with_query(oauth.endpoint, {**query, **fields}), None
        else:
            url, body = with_query(oauth.endpoint, query), form(fields, "INDICES").encode("ascii")
            headers.append(("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"))
        if policy.plain_http is False and not url.startswith("https://"):
            raise _invalid(arn, "its authorization endpoint is not https")
        try:
            answer = await self._outside.request(oauth.method, url, headers, body, policy, bytes_max=_TOKEN_BYTES_MAX)
        except (AddressRefused, Unreachable, TooLarge) as error:
            raise _invalid(arn, f"its authorization server cannot be asked: {error}") from None
        return self._read(arn, answer)

    def _read(self, arn: str, answer: OutsideAnswer) -> _Token:
        if not 200 <= answer.status < 300:
            raise _invalid(arn, f"its authorization server answered {answer.status}")
        try:
            given: Any = decode_json(answer.body)
        except JsonError:
            given = None
        text = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(text, str) or not text or any(ord(letter) < 33 for letter in text):
            raise _invalid(arn, "its authorization server answered without an access_token")
        seconds = given.get("expires_in", _DEFAULT_SECONDS)
        try:
            lifetime_ms = int(float(seconds) * 1000)
        except (TypeError, ValueError, OverflowError):
            lifetime_ms = _DEFAULT_SECONDS * 1000
        # A short-lived token is used at least for the call that asked for it.
        return _Token(text, self._clock.now_ms() + lifetime_ms)


def _invalid(arn: str, why: str) -> ConnectionProblem:
    return ConnectionProblem(
        "Events.ConnectionResource.InvalidConnectionState", f"Connection {arn} cannot be used: {why}."
    )
