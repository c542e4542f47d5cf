"""What an operator may set about tasks' ways to the outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IntegrationSettings:
    """Settings of every process that runs tasks.

    Attributes:
        roles_file: TOML file that maps role ARNs to keys; without it no call reaches the real AWS.
        http_allow: networks that HTTP tasks may call beside public addresses, with commas: `10.0.0.0/8,127.0.0.1`.
        http_plain: whether HTTP tasks may use `http:` as well as `https:`.
        master_key_file: file with the 32 bytes, in base64, that seal the secrets of connections; further lines are
            older keys, which still open.
    """

    roles_file: str = ""
    http_allow: str = ""
    http_plain: bool = False
    master_key_file: str = ""
