"""Finds the keys for a call: by the role map, by assuming the role, or dummy keys against endpoints other than AWS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from services.integrations.credentials import (
    NOT_ASSUMABLE,
    FrozenKeys,
    KeyHolder,
    RoleEntry,
    RoleMap,
    account_of,
)
from services.integrations.endpoints import is_aws
from services.integrations.failures import ApiRefused, NoCredentials, Unreachable
from services.integrations.interface import Call
from services.runtime.clock import Clock

_REFRESH_BEFORE_MS: Final = 120_000
_LOCAL_KEYS_MS: Final = 300_000
_HINT: Final = ' Stepwell has no credentials for this role: add [roles."{}"] to the role map, or set {}.'

AssumeRole = Callable[[KeyHolder, str, dict[str, Any]], Awaitable[Mapping[str, Any]]]
"""(keys, region, parameters of sts:AssumeRole) to the parsed answer."""


class Keyring:
    """Keys by role, each found once and kept fresh."""

    def __init__(self, roles: RoleMap, environment: Mapping[str, str], clock: Clock, assume_role: AssumeRole) -> None:
        """`environment` is asked only for the keys that endpoints other than AWS get."""
        self._roles = roles
        self._environment = environment
        self._clock = clock
        self._assume_role = assume_role
        self._holders: dict[str, KeyHolder] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._local: dict[str, Any] = {}
        self._threads = ThreadPoolExecutor(2, "stepwell-keys")

    async def keys_for(self, call: Call, endpoint: str | None, variable: str) -> KeyHolder:
        """The keys for a call to an endpoint (None: AWS's own). `variable` names the endpoint's setting, for the hint.

        Raises:
            NoCredentials: the role has no entry and the endpoint is AWS, or the role cannot be assumed.
        """
        if call.credentials_role_arn is None:
            return await self.keys_of_role(call.role_arn, call.account, call.region, endpoint, variable)
        return await self._named_by_state(call, call.credentials_role_arn, endpoint, variable)

    async def keys_of_role(
        self, role: str, account: str, region: str, endpoint: str | None, variable: str
    ) -> KeyHolder:
        """The keys for a call that is made on behalf of a state machine's role.

        Raises:
            NoCredentials: as `keys_for`.
        """
        found = self._roles.find(role)
        if found is not None:
            return await self._of_entry(role, *found, region)
        if is_aws(endpoint):
            raise NoCredentials(NOT_ASSUMABLE.format(role) + _HINT.format(role, variable))
        return self._dummy(self._environment.get("AWS_ACCESS_KEY_ID") or account_of(role) or account)

    def close(self) -> None:
        """Stop the threads that read profiles."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _named_by_state(self, call: Call, role: str, endpoint: str | None, variable: str) -> KeyHolder:
        """`Credentials.RoleArn`: an entry that allows the machine's role, else the machine's role assumes it."""
        found = self._roles.find(role)
        if found is not None and (found[1].may_be_used_by(call.role_arn) or role == call.role_arn):
            return await self._of_entry(role, *found, call.region)
        machine = self._roles.find(call.role_arn)
        if machine is not None:
            source = await self._of_entry(call.role_arn, *machine, call.region)
            return await self._fresh(
                f"{call.role_arn} > {role}", lambda holder: self._assume(holder, source, role, RoleEntry(), call.region)
            )
        if is_aws(endpoint) or found is not None:
            raise NoCredentials(NOT_ASSUMABLE.format(role) + _HINT.format(call.role_arn, variable))
        return self._dummy(account_of(role) or call.account)

    def _dummy(self, access_key: str) -> KeyHolder:
        """Keys that mean nothing; stand-ins read the account from the key id."""
        name = f"dummy {access_key}"
        holder = self._holders.get(name)
        if holder is None:
            own = self._environment.get("AWS_ACCESS_KEY_ID") == access_key
            secret = self._environment.get("AWS_SECRET_ACCESS_KEY") if own else None
            token = self._environment.get("AWS_SESSION_TOKEN") if own else None
            holder = self._holders[name] = KeyHolder(FrozenKeys(access_key, secret or "dummy", token or None))
        return holder

    async def _of_entry(self, role: str, name: str, entry: RoleEntry, region: str) -> KeyHolder:
        if entry.assume_role:
            source = await self._base(f"source of {name}", entry, entry.source_profile)
            target = entry.role_arn or role
            return await self._fresh(
                f"assumed {target} by {name}", lambda holder: self._assume(holder, source, target, entry, region)
            )
        return await self._base(name, entry, entry.profile)

    async def _base(self, name: str, entry: RoleEntry, profile: str) -> KeyHolder:
        """Static keys of the entry, or those of a profile or of the machine."""
        if entry.access_key_id:
            holder = self._holders.get(name)
            if holder is None:
                keys = FrozenKeys(entry.access_key_id, entry.secret_access_key, entry.session_token)
                holder = self._holders[name] = KeyHolder(keys)
            return holder
        return await self._fresh(f"local {profile}", lambda holder: self._read_local(holder, profile))

    async def _fresh(self, name: str, fill: Callable[[KeyHolder], Awaitable[None]]) -> KeyHolder:
        """The holder of that name, filled when it is empty or about to expire."""
        holder = self._holders.setdefault(name, KeyHolder())
        if self._is_fresh(holder):
            return holder
        async with self._locks.setdefault(name, asyncio.Lock()):
            if not self._is_fresh(holder):
                await fill(holder)
        return holder

    def _is_fresh(self, holder: KeyHolder) -> bool:
        if holder.empty:
            return False
        return holder.expires_ms is None or holder.expires_ms - self._clock.now_ms() > _REFRESH_BEFORE_MS

    async def _read_local(self, holder: KeyHolder, profile: str) -> None:
        loop = asyncio.get_running_loop()
        keys = await loop.run_in_executor(self._threads, self._local_keys, profile)
        holder.replace(keys, self._clock.now_ms() + _REFRESH_BEFORE_MS + _LOCAL_KEYS_MS)

    def _local_keys(self, profile: str) -> FrozenKeys:
        """Keys of a profile, or with "" of the machine; botocore's own object renews itself. Blocks."""
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        try:
            credentials = self._local.get(profile)
            if credentials is None:
                credentials = self._local[profile] = Session(profile=profile or None).get_credentials()
            frozen = None if credentials is None else credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise NoCredentials(f"The profile '{profile}' that the role map names cannot be used: {error}") from None
        if frozen is None:
            named = f"The profile '{profile}' that the role map names" if profile else "This machine"
            raise NoCredentials(f"{named} has no credentials.")
        return FrozenKeys(frozen.access_key, frozen.secret_key, frozen.token)

    async def _assume(self, holder: KeyHolder, source: KeyHolder, role: str, entry: RoleEntry, region: str) -> None:
        parameters = {"RoleArn": role, "RoleSessionName": entry.session_name}
        if entry.external_id:
            parameters["ExternalId"] = entry.external_id
        try:
            answer = await self._assume_role(source, region, parameters)
        except ApiRefused:
            raise NoCredentials(NOT_ASSUMABLE.format(role)) from None
        except Unreachable as problem:
            raise NoCredentials(f"{NOT_ASSUMABLE.format(role)} {problem}") from None
        given = answer["Credentials"]
        keys = FrozenKeys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        holder.replace(keys, round(given["Expiration"].timestamp() * 1000))
