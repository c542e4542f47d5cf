"""Where functions run: the map file and the command line, read into targets, and looked up by name or ARN."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from services.integrations.functions.invocation import UnmappedFunction

FUNCTION_SECONDS_MAX: Final = 900.0
ANY: Final = "*"

_ARN: Final = re.compile(r"arn:[^:]+:lambda:([^:]*):([^:]*):function:([^:]+)(?::([^:]+))?")
_PARTIAL: Final = re.compile(r"(?:(\d{12}):)?(?:function:)?([A-Za-z0-9_.-]+)(?::([A-Za-z0-9_$-]+))?")
_HANDLER: Final = re.compile(r"(?P<module>[^:]+):(?P<function>[A-Za-z_][A-Za-z0-9_.]*)")


class MapError(ValueError):
    """The map of functions cannot be read; the message names the entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonTarget:
    """A Python handler, run in a subprocess that is used again.

    Attributes:
        search_path: folder that is put first on the module search path; the process works there.
        python: the interpreter; "" is the one that runs Stepwell.
        memory_mb: the process's own limit; None for no limit.
    """

    module: str
    function: str
    search_path: str
    python: str = ""
    memory_mb: int | None = None
    timeout_seconds: float = FUNCTION_SECONDS_MAX
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """A server that takes the event by POST, plain or as the Lambda Runtime Interface does."""

    url: str
    timeout_seconds: float = FUNCTION_SECONDS_MAX

    @property
    def runtime_interface(self) -> bool:
        """Is it the URL of a Lambda container?"""
        return self.url.endswith("/invocations") and "/2015-03-31/functions/" in self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaTarget:
    """The Lambda API of AWS or of a stand-in; `name` replaces the function's name there, "" keeps it."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoTarget:
    """Answers with its event, inside the worker; for benchmarks."""


FunctionTarget: TypeAlias = PythonTarget | HttpTarget | LambdaTarget | EchoTarget


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function as a task names it, taken apart; what is not said is ""."""

    name: str
    qualifier: str = ""
    region: str = ""
    account: str = ""

    def arn(self, region: str, account: str, *, qualified: bool = True) -> str:
        """The ARN, with the given place where none is named."""
        tail = f":{self.qualifier}" if self.qualifier and qualified else ""
        return f"arn:aws:lambda:{self.region or region}:{self.account or account}:function:{self.name}{tail}"


@lru_cache(maxsize=4_096)
def parse_name(function: str, qualifier: str | None = None) -> FunctionName:
    """Read a name, a partial ARN or an ARN, each with or without a qualifier."""
    if found := _ARN.fullmatch(function):
        region, account, name, own = found.groups()
        return FunctionName(name, own or qualifier or "", region, account)
    if found := _PARTIAL.fullmatch(function):
        account, name, own = found.groups()
        return FunctionName(name, own or qualifier or "", "", account or "")
    return FunctionName(function, qualifier or "")


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets by what the map calls them: name, `name:qualifier`, ARN, or `*` for all others."""

    by_name: Mapping[str, FunctionTarget] = field(default_factory=dict)

    def find(self, function: str, qualifier: str | None = None) -> FunctionTarget:
        """The target of a function, the most exact entry first.

        Raises:
            UnmappedFunction: no entry fits; the message says how to add one.
        """
        asked = parse_name(function, qualifier)
        arn = asked.arn("", "", qualified=False)
        for key in (f"{arn}:{asked.qualifier}", arn, f"{asked.name}:{asked.qualifier}", asked.name, ANY):
            target = self.by_name.get(key)
            if target is not None:
                return target
        raise UnmappedFunction(
            f"Function not found: {function}. No target is mapped for it. Start Stepwell with "
            f"--function {asked.name}=MODULE:FUNCTION (a Python handler), --function {asked.name}=http://HOST:PORT/ or "
            f"--function {asked.name}=lambda (the Lambda API), or put it into the file given by --functions."
        )


def read_targets(
    map_file: Path | None = None, entries: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> Targets:
    """Read the map file, then `name=target` entries, which win.

    An endpoint for Lambda in the environment maps every other function to it, so that a stand-in needs no map.

    Raises:
        MapError: the file or an entry cannot be read.
    """
    found: dict[str, FunctionTarget] = {}
    if environment is not None and (environment.get("AWS_ENDPOINT_URL_LAMBDA") or environment.get("AWS_ENDPOINT_URL")):
        found[ANY] = LambdaTarget()
    if map_file is not None:
        found.update(_read_file(map_file))
    for entry in entries:
        name, separator, text = entry.partition("=")
        if not separator or not name.strip():
            raise MapError(f"{entry!r} is not NAME=TARGET")
        found[name.strip()] = parse_target(text.strip(), Path.cwd())
    return Targets(found)


def parse_target(text: str, folder: Path, options: Mapping[str, Any] | None = None) -> FunctionTarget:
    """Read a target: `module:function`, `path/to/file.py:function`, `http://...`, `lambda[:name]` or `echo:`.

    Raises:
        MapError: it is none of these, or an option does not fit.
    """
    known = dict(options or {})
    if text == "echo:":
        target: FunctionTarget = EchoTarget()
    elif text == "lambda" or text.startswith("lambda:"):
        target = LambdaTarget(name=text.removeprefix("lambda").removeprefix(":"))
    elif text.startswith(("http://", "https://")):
        target = HttpTarget(url=text, timeout_seconds=_seconds(known))
    elif found := _HANDLER.fullmatch(text):
        target = _python(found["module"], found["function"], folder, known)
    else:
        raise MapError(f"{text!r} is no target: write module:function, http://..., lambda or echo:")
    if known:
        raise MapError(f"{text!r} does not take {', '.join(sorted(known))}")
    return target


def _python(module: str, function: str, folder: Path, options: dict[str, Any]) -> PythonTarget:
    search_path = folder / str(options.pop("path", ""))
    if module.endswith(".py"):
        file = search_path / module
        search_path, module = file.parent, file.stem
    memory = options.pop("memory_mb", None)
    if memory is not None and (not isinstance(memory, int) or memory <= 0):
        raise MapError("memory_mb must be a positive number of megabytes")
    environment = options.pop("environment", {})
    if not isinstance(environment, Mapping):
        raise MapError("environment must be a table of names and texts")
    return PythonTarget(
        module=module,
        function=function,
        search_path=str(search_path.resolve()),
        python=str(options.pop("python", "")),
        memory_mb=memory,
        timeout_seconds=_seconds(options),
        environment=tuple((str(name), str(value)) for name, value in environment.items()),
    )


def _seconds(options: dict[str, Any]) -> float:
    seconds = options.pop("timeout_seconds", FUNCTION_SECONDS_MAX)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds <= FUNCTION_SECONDS_MAX:
        raise MapError(f"timeout_seconds must be above 0 and at most {FUNCTION_SECONDS_MAX:.0f}")
    return float(seconds)


def _read_file(path: Path) -> dict[str, FunctionTarget]:
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as problem:
        raise MapError(f"{path}: {problem}") from None
    entries = content.get("functions") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise MapError(f"{path}: there is no table named functions")
    return {name: _entry(path, name, entry) for name, entry in entries.items()}


def _entry(path: Path, name: str, entry: object) -> FunctionTarget:
    options = {"target": entry} if isinstance(entry, str) else entry
    if not isinstance(options, dict) or not isinstance(options.get("target"), str):
        raise MapError(f"{path}: {name}: write a target, or a table with a target")
    folder = Path(os.path.abspath(path)).parent
    rest = {key: value for key, value in options.items() if key != "target"}
    try:
        return parse_target(options["target"], folder, rest)
    except MapError as problem:
        raise MapError(f"{path}: {name}: {problem}") from None
