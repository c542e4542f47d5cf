"""Settings: read once, at start, from environment variables that begin with `STEPWELL_`.

Every role declares what can be turned about it as a frozen dataclass with defaults (`SchedulerSettings`,
`WorkerSettings`, ...); `lease_seconds` is read from `STEPWELL_LEASE_SECONDS`, and a name that several roles have is
one setting for all of them. A wrong value stops the start with its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

PREFIX: Final = "STEPWELL_"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

T = TypeVar("T")


class SettingError(Exception):
    """A setting has a value that it cannot have; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """Settings of every process.

    Attributes:
        database_url: Postgres; empty for the embedded one of `stepwell up`.
        broker_url: `redis://host:6379/0` or another URL that kombu speaks; empty for memory inside one process.
        endpoint: URL of the API, for tasks of a worker that start executions; not needed where the API runs too.
        log_level: the least severe log line that is written.
        log_format: `text` for people, `json` for programs.
        metrics_port: where a process without the API shows Prometheus metrics on 127.0.0.1; 0 for nowhere.
        retention_days: how long ended executions are kept.
        maintenance_seconds: how often partitions are made and dropped.
    """

    database_url: str = ""
    broker_url: str = ""
    endpoint: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["text", "json"] = "text"
    metrics_port: int = 0
    retention_days: float = 90.0
    maintenance_seconds: float = 3600.0


def read_settings(kind: type[T], environment: Mapping[str, str], **given: Any) -> T:
    """Make the settings of one role: from the environment, else its defaults; what is `given` comes first.

    Raises:
        SettingError: a value is not of the setting's type, or below zero.
    """
    hints = get_type_hints(kind)
    values = {name: value for name, value in given.items() if value is not None}
    for field in fields(kind):  # type: ignore[arg-type]
        text = environment.get(variable(field.name))
        if text is not None and field.name not in values:
            values[field.name] = parse(variable(field.name), text, hints[field.name])
    return kind(**values)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def defaults(kind: type[Any]) -> dict[str, Any]:
    """Names and default values of a role's settings."""
    return {field.name: field.default for field in fields(kind) if field.default is not MISSING}


def parse(name: str, text: str, kind: Any) -> Any:
    """Read one value.

    Raises:
        SettingError: it is not what the setting takes.
    """
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise SettingError(f"{name}={text}: must be one of {', '.join(map(str, get_args(kind)))}")
        return text
    if kind is str:
        return text
    if kind is bytes:
        return text.encode()
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise SettingError(f"{name}={text}: must be true or false")
    assert kind in (int, float), f"{name}: a setting of type {kind}"
    try:
        number = kind(text)
    except ValueError:
        raise SettingError(f"{name}={text}: must be {'a whole number' if kind is int else 'a number'}") from None
    if not 0 <= number < float("inf"):
        raise SettingError(f"{name}={text}: must not be negative or endless")
    return number
