"""Settings: read once, at start, from environment variables that begin with `STEPWELL_`.

Every role declares what can be turned about it as a frozen dataclass with defaults (`SchedulerSettings`,
`WorkerSettings`, ...); `lease_seconds` is read from `STEPWELL_LEASE_SECONDS`, and a name that several roles have is
one setting for all of them. A wrong value stops the start with its name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

PREFIX: Final = "STEPWELL_"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

T = TypeVar("T")


class SettingError(Exception):
    """A setting has a value that it cannot have; the message names it."""


def setting(default: T, *, min: float | None = None, max: float | None = None) -> T:
    """A field with bounds, for the body of a settings class; without them a plain default does."""
    made: T = field(default=default, metadata={"min": min, "max": max})
    return made


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
        otlp_endpoint: where traces of executions go, by OTLP over HTTP (`http://127.0.0.1:4318`); empty for nowhere.
        traces: `all` executions, or those that `asked` for it as at AWS: by tracingConfiguration, or by a trace header
            that says `Sampled=1` (express executions: by the header alone).
        status_events: `on` announces every change of a standard execution's status as EventBridge's "Step Functions
            Execution Status Change", by PutEvents at `AWS_ENDPOINT_URL_EVENTBRIDGE` or `AWS_ENDPOINT_URL`, else at AWS;
            the same for all processes of a cluster.
    """

    database_url: str = ""
    broker_url: str = ""
    endpoint: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["text", "json"] = "text"
    metrics_port: int = 0
    retention_days: float = setting(90.0, min=1, max=3650)
    maintenance_seconds: float = setting(3600.0, min=1, max=86_400)
    otlp_endpoint: str = ""
    traces: Literal["all", "asked"] = "all"
    status_events: Literal["off", "on"] = "off"


def read_settings(kind: type[T], environment: Mapping[str, str], **given: Any) -> T:
    """Make the settings of one role: from the environment, else its defaults; what is `given` comes first.

    Raises:
        SettingError: a value is not of the setting's type, below zero, or beyond its bounds.
    """
    hints = get_type_hints(kind)
    values = {name: value for name, value in given.items() if value is not None}
    for one in fields(kind):  # type: ignore[arg-type]
        text = environment.get(variable(one.name))
        if text is not None and one.name not in values:
            values[one.name] = parse(variable(one.name), text, hints[one.name])
        if one.name in values:
            _check_bounds(one, values[one.name])
    return kind(**values)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def defaults(kind: type[Any]) -> dict[str, Any]:
    """Names and default values of a role's settings."""
    return {one.name: one.default for one in fields(kind) if one.default is not MISSING}


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting as the documentation shows it."""

    variable: str
    default: Any
    text: str


def document(kind: type[Any]) -> list[SettingLine]:
    """The settings of a class, with the texts of its docstring (`name: text` or `name, name: text` in Attributes)."""
    texts: dict[str, str] = {}
    _, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    for names, text in re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE):
        texts |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return [SettingLine(variable(name), default, texts.get(name, "")) for name, default in defaults(kind).items()]


def _check_bounds(one: Field[Any], value: Any) -> None:
    least, most = one.metadata.get("min"), one.metadata.get("max")
    if least is not None and value < least:
        raise SettingError(f"{variable(one.name)}={value}: must be at least {least}")
    if most is not None and value > most:
        raise SettingError(f"{variable(one.name)}={value}: must be at most {most}")


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
