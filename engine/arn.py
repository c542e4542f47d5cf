"""ARNs of state machines, executions and activities: strict values, builders, and the rules for names.

Source: recordings of refused ARNs and names; character by character for the names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from engine.limits import LABEL_CHARACTERS_MAX, NAME_CHARACTERS_MAX

Kind: TypeAlias = Literal["stateMachine", "version", "alias", "execution", "express", "activity", "mapRun"]

_ARN: Final = re.compile(r"arn:(aws[a-z-]*):states:([a-z0-9-]+):(\d{12}):([A-Za-z]+):(.+)", re.DOTALL)
_RESOURCE_TYPES: Final = frozenset({"stateMachine", "execution", "express", "activity", "mapRun"})
_BAD_CHARACTER: Final = re.compile(
    '[\\s\x00-\x1f\x7f-\x9f<>{}\\[\\]?*"#%\\\\^`|~$&,;:/\ufffe\uffff\ud800-\udfff\U0010ffff]'
)
_ALIAS: Final = re.compile(r"(?=.*[a-zA-Z_\-.])[a-zA-Z0-9_\-.]{1,80}")
_VERSION: Final = re.compile(r"[1-9]\d{0,9}")
_VERSION_MAX: Final = 2**31 - 1


class InvalidArn(ValueError):
    """The text is no ARN of this service. `str(error)` is AWS's message, `Invalid Arn: '...'`."""


class InvalidName(ValueError):
    """The text may not name a resource. `str(error)` is AWS's message, `Invalid Name: '...'`."""


@dataclass(frozen=True, slots=True)
class Arn:
    """One resource of the service.

    Attributes:
        kind: what it names; a version and an alias are kinds of their own.
        name: the state machine's or activity's name, without label or qualifier.
        label: of a distributed Map, "" elsewhere: machine, child execution or map run below that Map.
        qualifier: version number or alias of a `version` or `alias`, "" elsewhere.
        execution: the name of an `execution` or `express` execution, "" elsewhere.
        unique: the last uuid of an `express` execution or a `mapRun`, "" elsewhere.
    """

    kind: Kind
    partition: str
    region: str
    account: str
    name: str
    label: str = ""
    qualifier: str = ""
    execution: str = ""
    unique: str = ""

    def __str__(self) -> str:
        """The ARN as text."""
        resource = "stateMachine" if self.kind in ("version", "alias") else self.kind
        name = f"{self.name}/{self.label}" if self.label else self.name
        last = [part for part in (self.execution, self.qualifier, self.unique) if part]
        return ":".join(["arn", self.partition, "states", self.region, self.account, resource, name, *last])

    @property
    def machine(self) -> Arn:
        """The unqualified state machine behind a version, an alias, an execution or a map run."""
        assert self.kind != "activity"
        return Arn("stateMachine", self.partition, self.region, self.account, self.name)


def parse_arn(text: str, *kinds: Kind) -> Arn:
    """Read an ARN; with `kinds`, only one of these is accepted.

    Raises:
        InvalidArn: with AWS's text.
    """
    if not text.startswith("arn:"):
        raise InvalidArn(f"Invalid Arn: 'Invalid ARN prefix: {text}'")
    match = _ARN.fullmatch(text)
    if match is None:
        raise InvalidArn(f"Invalid Arn: 'Invalid ARN: {text}'")
    partition, region, account, resource_type, rest = match.groups()
    if resource_type not in _RESOURCE_TYPES:
        raise InvalidArn(f"Invalid Arn: 'Resource type not valid in this context: {resource_type}'")
    arn = _parse_resource(resource_type, rest.split(":"), (partition, region, account))
    if arn is None:
        raise InvalidArn(f"Invalid Arn: 'Invalid ARN: {text}'")
    if kinds and arn.kind not in kinds:
        raise InvalidArn(f"Invalid Arn: 'Resource type not valid in this context: {resource_type}'")
    return arn


def _parse_resource(resource_type: str, parts: list[str], place: tuple[str, str, str]) -> Arn | None:
    name, slash, label = parts[0].partition("/")
    if not is_name(name) or (slash and not is_label(label)) or (slash and resource_type == "activity"):
        return None
    match resource_type, parts[1:]:
        case "stateMachine", []:
            return Arn("stateMachine", *place, name, label)
        case "stateMachine", [qualifier] if not slash and _is_version(qualifier):
            return Arn("version", *place, name, qualifier=qualifier)
        case "stateMachine", [qualifier] if not slash and _ALIAS.fullmatch(qualifier):
            return Arn("alias", *place, name, qualifier=qualifier)
        case "execution", [execution] if is_name(execution):
            return Arn("execution", *place, name, label, execution=execution)
        case "express", [execution, unique] if is_name(execution) and is_name(unique):
            return Arn("express", *place, name, label, execution=execution, unique=unique)
        case "activity", []:
            return Arn("activity", *place, name)
        case "mapRun", [unique] if slash and is_name(unique):
            return Arn("mapRun", *place, name, label, unique=unique)
        case _:
            return None


def _is_version(qualifier: str) -> bool:
    return _VERSION.fullmatch(qualifier) is not None and int(qualifier) <= _VERSION_MAX


def machine_arn(region: str, account: str, name: str, partition: str = "aws") -> Arn:
    """The ARN of a state machine."""
    return Arn("stateMachine", partition, region, account, name)


def version_arn(machine: Arn, version: int) -> Arn:
    """The ARN of a published version."""
    return Arn("version", machine.partition, machine.region, machine.account, machine.name, qualifier=str(version))


def alias_arn(machine: Arn, alias: str) -> Arn:
    """The ARN of an alias."""
    return Arn("alias", machine.partition, machine.region, machine.account, machine.name, qualifier=alias)


def execution_arn(machine: Arn, execution: str) -> Arn:
    """The ARN of a standard execution; of a child execution when `machine` has a label."""
    place = (machine.partition, machine.region, machine.account)
    return Arn("execution", *place, machine.name, machine.label, execution=execution)


def express_arn(machine: Arn, execution: str, unique: str) -> Arn:
    """The ARN of an express execution; `unique` tells executions of one name apart."""
    place = (machine.partition, machine.region, machine.account)
    return Arn("express", *place, machine.name, machine.label, execution=execution, unique=unique)


def labelled_arn(machine: Arn, label: str) -> Arn:
    """The ARN of the machine that a distributed Map's child executions belong to."""
    return Arn("stateMachine", machine.partition, machine.region, machine.account, machine.name, label)


def map_run_arn(machine: Arn, label: str, unique: str) -> Arn:
    """The ARN of a map run."""
    return Arn("mapRun", machine.partition, machine.region, machine.account, machine.name, label, unique=unique)


def activity_arn(region: str, account: str, name: str, partition: str = "aws") -> Arn:
    """The ARN of an activity."""
    return Arn("activity", partition, region, account, name)


def is_name(text: str) -> bool:
    """True if the text may name a state machine, an execution or an activity."""
    return 0 < len(text) <= NAME_CHARACTERS_MAX and _BAD_CHARACTER.search(text) is None


def check_name(text: str) -> None:
    """Refuse what may not name a state machine, an execution or an activity.

    Raises:
        InvalidName: with AWS's text.
    """
    if not is_name(text):
        raise InvalidName(f"Invalid Name: '{text}'")


def is_alias_name(text: str) -> bool:
    """True if the text may name an alias: never digits only."""
    return _ALIAS.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """True if the text may be the Label of a distributed Map."""
    return 0 < len(text) <= LABEL_CHARACTERS_MAX and _BAD_CHARACTER.search(text) is None
