"""The access keys whose signatures count, as the operator names them."""

from __future__ import annotations

from collections.abc import Mapping

from services.runtime.settings import SettingError


def read_access_keys(text: str) -> Mapping[str, str]:
    """Secrets by access key id, from `id:secret,id:secret`; an id has no colon and a secret no comma.

    Raises:
        SettingError: not of that form. The message shows no secret.
    """
    keys: dict[str, str] = {}
    for number, pair in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        identifier, separator, secret = pair.partition(":")
        if not (identifier and separator and secret):
            raise SettingError(f"STEPWELL_ACCESS_KEYS: entry {number} must be ACCESS_KEY_ID:SECRET")
        keys[identifier] = secret
    return keys
