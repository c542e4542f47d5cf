"""Which keys sign a call: the operator's role map. The machine's own credentials are never used unless mapped.

The map is a TOML file; the key of an entry is a role ARN, or a pattern that ends in `*`:

    [roles."arn:aws:iam::123456789012:role/orders"]
    access_key_id = "AKIA..."            # static keys
    secret_access_key = "..."

    [roles."arn:aws:iam::123456789012:role/billing"]
    profile = "billing"                  # a profile of the AWS configuration files

    [roles."arn:aws:iam::123456789012:role/*"]
    assume_role = true                   # sts:AssumeRole on the role itself, with the keys of `source_profile`
    source_profile = "base"              # or `ambient = true`: the machine's own credentials

    [roles."arn:aws:iam::999999999999:role/partner"]
    profile = "partner"
    used_by = ["arn:aws:iam::123456789012:role/orders"]   # state machine roles that may name it in `Credentials`

Against endpoints other than AWS no entry is needed: the keys of the environment do, else the account id as key.
"""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

_ARN_ACCOUNT: Final = re.compile(r"^arn:[^:]*:iam::(\d{12}):")
_FIELDS: Final = frozenset(
    [
        "access_key_id",
        "secret_access_key",
        "session_token",
        "profile",
        "assume_role",
        "role_arn",
        "external_id",
        "source_profile",
        "session_name",
        "ambient",
        "used_by",
    ]
)
NOT_ASSUMABLE: Final = "The principal states.amazonaws.com is not authorized to assume the provided role. (role: {})"


class FrozenKeys(NamedTuple):
    """One set of keys, in the shape that botocore's signers read."""

    access_key: str
    secret_key: str
    token: str | None = None
    account_id: str | None = None


class KeyHolder:
    """Keys that may be replaced when they expire; botocore reads the current ones at every signature."""

    def __init__(self, keys: FrozenKeys | None = None, expires_ms: int | None = None) -> None:
        """Static keys, or none yet."""
        self._keys = keys
        self.expires_ms = expires_ms
        self._lock = threading.Lock()

    @property
    def empty(self) -> bool:
        """Whether keys have never been set."""
        return self._keys is None

    def replace(self, keys: FrozenKeys, expires_ms: int | None) -> None:
        """Use other keys from now on."""
        with self._lock:
            self._keys, self.expires_ms = keys, expires_ms

    def get_frozen_credentials(self) -> FrozenKeys:
        """The current keys; the name is botocore's."""
        with self._lock:
            assert self._keys is not None, "keys are fetched before they are used"
            return self._keys

    def __repr__(self) -> str:
        """Never shows the keys."""
        return "KeyHolder(...)"


class SigningKeys:
    """What a botocore client takes for its credentials: the keys of whoever's request it is building just now.

    Requests are built without interruption on the event loop, so one client serves every role.
    """

    def __init__(self) -> None:
        """No keys yet."""
        self.holder = KeyHolder()
        self.method = "stepwell"

    def get_frozen_credentials(self) -> FrozenKeys:
        """The keys to sign with."""
        return self.holder.get_frozen_credentials()

    @property
    def access_key(self) -> str:
        """Key id, as botocore's older code paths read it."""
        return self.get_frozen_credentials().access_key

    @property
    def secret_key(self) -> str:
        """Secret."""
        return self.get_frozen_credentials().secret_key

    @property
    def token(self) -> str | None:
        """Session token."""
        return self.get_frozen_credentials().token

    def get_deferred_property(self, name: str) -> Any:
        """A property that botocore wants to read late."""
        return lambda: getattr(self.get_frozen_credentials(), name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEntry:
    """How the operator wants a role's keys to be found."""

    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str | None = None
    profile: str = ""
    assume_role: bool = False
    role_arn: str = ""
    external_id: str = ""
    session_name: str = "stepwell"
    source_profile: str = ""
    ambient: bool = False
    used_by: tuple[str, ...] = ()

    def may_be_used_by(self, machine_role_arn: str) -> bool:
        """Whether states of that role's machines may name this role in `Credentials`."""
        return any(
            machine_role_arn.startswith(arn[:-1]) if arn.endswith("*") else machine_role_arn == arn
            for arn in self.used_by
        )

    def __repr__(self) -> str:
        """Never shows the keys."""
        return "RoleEntry(...)"


class RoleMapError(ValueError):
    """The role map cannot be read; the message names the entry and the field."""


class RoleMap:
    """The operator's entries."""

    def __init__(self, entries: Mapping[str, RoleEntry] | None = None) -> None:
        """Exact ARNs win over patterns, longer patterns over shorter ones."""
        entries = entries or {}
        self._exact = {arn: entry for arn, entry in entries.items() if not arn.endswith("*")}
        patterns = [(arn[:-1], entry) for arn, entry in entries.items() if arn.endswith("*")]
        self._patterns = sorted(patterns, key=lambda pair: -len(pair[0]))

    @classmethod
    def of_file(cls, path: Path) -> RoleMap:
        """Read the file.

        Raises:
            RoleMapError: not TOML, or an entry that says nothing or too much.
        """
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RoleMapError(f"{path}: {error}") from None
        roles = document.get("roles", {})
        if not isinstance(roles, dict):
            raise RoleMapError(f"{path}: [roles] must be a table")
        return cls({arn: _entry(path, arn, fields) for arn, fields in roles.items()})

    def find(self, role_arn: str) -> tuple[str, RoleEntry] | None:
        """The entry for a role with the ARN or pattern that it stands under."""
        exact = self._exact.get(role_arn)
        if exact is not None:
            return role_arn, exact
        for prefix, entry in self._patterns:
            if role_arn.startswith(prefix):
                return prefix + "*", entry
        return None


def _entry(path: Path, arn: str, fields: Any) -> RoleEntry:
    if not isinstance(fields, dict):
        raise RoleMapError(f"{path}: roles.{arn!r} must be a table")
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise RoleMapError(f"{path}: roles.{arn!r} has unknown fields: {', '.join(unknown)}")
    used_by = fields.get("used_by", [])
    if not isinstance(used_by, list) or not all(isinstance(arn, str) for arn in used_by):
        raise RoleMapError(f"{path}: roles.{arn!r}: used_by must be a list of role ARNs")
    entry = RoleEntry(**{**fields, "used_by": tuple(used_by)})
    if entry.assume_role:
        ways = [bool(entry.source_profile), entry.ambient, bool(entry.access_key_id)]
        wanted = "source_profile, ambient or access_key_id"
    else:
        ways = [bool(entry.profile), entry.ambient, bool(entry.access_key_id)]
        wanted = "profile, ambient, access_key_id or assume_role"
    if sum(ways) != 1:
        raise RoleMapError(f"{path}: roles.{arn!r} needs exactly one of {wanted}")
    if bool(entry.access_key_id) != bool(entry.secret_access_key):
        raise RoleMapError(f"{path}: roles.{arn!r} needs access_key_id and secret_access_key together")
    return entry


def account_of(role_arn: str) -> str:
    """The account in a role's ARN, "" without one."""
    match = _ARN_ACCOUNT.match(role_arn)
    return match[1] if match else ""
