"""Sealed secrets: AES-256-GCM under the operator's master key, bound to the name of what they belong to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.runtime.ids import Ids

MASTER_KEY_VARIABLE: Final = "STEPWELL_MASTER_KEY_FILE"

_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class SealBroken(Exception):
    """The sealed text cannot be opened: unknown key, or changed, or moved from another name."""


class Sealer:
    """Seals with the first key, opens with all of them, so that keys can be rotated."""

    def __init__(self, master_keys: Sequence[bytes], ids: Ids) -> None:
        """Each key has 32 bytes.

        Raises:
            ValueError: no key, or one of another length.
        """
        if not master_keys or any(len(key) != KEY_BYTES for key in master_keys):
            raise ValueError(f"master keys must have {KEY_BYTES} bytes each")
        self._keys = {_key_id(key): key for key in master_keys}
        self._current = master_keys[0]
        self._ids = ids

    def seal(self, secret: bytes, name: str) -> bytes:
        """Encrypt; only the same name opens it again."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = self._ids.entropy(_NONCE_BYTES)
        sealed = AESGCM(self._current).encrypt(nonce, secret, name.encode("utf-8"))
        return _VERSION + _key_id(self._current) + nonce + sealed

    def open(self, sealed: bytes, name: str) -> bytes:
        """Decrypt.

        Raises:
            SealBroken: it is not what was sealed under this name.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        start = 1 + _KEY_ID_BYTES
        key = self._keys.get(sealed[1:start])
        if sealed[:1] != _VERSION or key is None:
            raise SealBroken("sealed under a master key that is not given")
        try:
            return AESGCM(key).decrypt(
                sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], name.encode("utf-8")
            )
        except InvalidTag:
            raise SealBroken("changed since it was sealed") from None

    def needs_new_seal(self, sealed: bytes) -> bool:
        """Whether it is sealed under an older key."""
        return sealed[1 : 1 + _KEY_ID_BYTES] != _key_id(self._current)


class MasterKeyError(ValueError):
    """The file of master keys cannot be read; the message says why."""


def read_master_keys(path: Path) -> list[bytes]:
    """The keys in a file, one per line in base64, the current one first.

    Raises:
        MasterKeyError: not there, or not such a file.
    """
    try:
        keys = [base64.b64decode(line, validate=True) for line in path.read_text("ascii").split()]
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise MasterKeyError(f"{path}: {error}") from None
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise MasterKeyError(f"{path}: each line must be {KEY_BYTES} bytes in base64")
    return keys


def key_file_in(data: Path) -> Path:
    """Where `stepwell up` keeps the master key of its own data folder."""
    return data / "master.key"


def make_master_key(path: Path, ids: Ids) -> None:
    """Write a file with one new key, readable by its owner alone; one that is there already stays as it is."""
    new = path.with_name(f"{path.name}.{ids.entropy(6).hex()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(ids.entropy(KEY_BYTES)) + b"\n")
    with suppress(FileExistsError):
        os.link(new, path)  # whole or not at all, and never over another's
    new.unlink()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"stepwell master key" + key).digest()[:_KEY_ID_BYTES]
