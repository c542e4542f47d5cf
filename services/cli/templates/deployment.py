"""Deploy the state machines and activities of a template: twice over the template, first without the server.

The first pass finds what is missing, so that nothing is half deployed. The second makes the resources in the order of
the template, and a version or an alias sooner when something refers to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.cli import resources as server
from services.cli.client import Client
from services.cli.errors import CommandError
from services.cli.templates import specs
from services.cli.templates.intrinsics import NO_VALUE, Resolver
from services.cli.templates.map_file import References
from services.cli.templates.names import ACTIVITY, ALIAS, MACHINES, VERSION, Place, TemplateNames, read_parameters

DEPLOYED: Final = MACHINES | {ACTIVITY, VERSION, ALIAS}
PLANNED_VERSION: Final = "1"
_PLANNED: Final = "planned"


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was read, and what was given with it."""

    document: Mapping[str, Any]
    path: Path
    parameters: Mapping[str, str]
    references: References
    stack_name: str = ""

    @property
    def stack(self) -> str:
        """What AWS::StackName answers: the name given, the file's, or that of the folder of a `template.yaml`."""
        name = self.path.name.split(".")[0]
        return self.stack_name or (self.path.absolute().parent.name if name == "template" else name)


@dataclass
class Report:
    """What was done, in order, and what the user should know."""

    done: list[server.Done] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    assumed: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)


def deploy(client: Client, template: Template) -> Report:
    """Make everything of the template that a server of ours holds.

    Raises:
        CommandError: there is nothing to deploy, something is missing or wrong, or the server refuses.
    """
    place = Place(server.account_of(client), client.target.region)
    planned = _Pass(template, place, None)
    planned.run()
    if not planned.report.done:
        raise CommandError(f"{template.path} has no state machine and no activity")
    _refuse_missing(template, planned.resolver.missing)
    making = _Pass(template, place, client)
    making.run()
    return making.report


def _refuse_missing(template: Template, missing: Mapping[str, str]) -> None:
    if not missing:
        return
    declared = template.document.get("Parameters") or {}
    lines = [f"{template.path} refers to what is not known:"]
    for key, place in missing.items():
        how = f"--parameter {key}=VALUE" if key in declared else f"{json.dumps(key)}: in the file given by --map"
        lines.append(f"  {key}  (in {place}; give {how})")
    raise CommandError("\n".join(lines))


class _Pass:
    """One pass over the template; without a client nothing is made and versions are numbered as the first ones."""

    def __init__(self, template: Template, place: Place, client: Client | None) -> None:
        document = template.document
        self._folder = template.path.parent
        self._client = client
        self._place = place
        self._arns = template.references.arns
        self._resources: dict[str, Any] = {
            name: it for name, it in document["Resources"].items() if isinstance(it, dict) and "Type" in it
        }
        self._globals = (document.get("Globals") or {}).get("StateMachine") or {}
        self.names = TemplateNames(
            resources=self._resources,
            parameters=read_parameters(document.get("Parameters"), template.parameters),
            references=template.references,
            place=place,
            stack=template.stack,
            made=self._made,
        )
        mappings, conditions = document.get("Mappings") or {}, document.get("Conditions") or {}
        self.resolver = Resolver(self.names, mappings, conditions)
        self.names.resolver = Resolver(self.names, mappings, conditions)
        self.report = Report(assumed=self.names.assumed, functions=self.names.functions)
        self._ready: dict[str, str] = {}
        self._making: list[str] = []

    def run(self) -> None:
        """Go through the resources."""
        for logical, resource in self._resources.items():
            if resource["Type"] in DEPLOYED and self._wanted(logical):
                self._make(logical)

    def _wanted(self, logical: str) -> bool:
        condition = self._resources[logical].get("Condition")
        self.resolver.place = logical
        return condition is None or self.resolver.holds(condition)

    def _made(self, logical: str, attribute: str) -> str:
        """The ARN of a version or an alias, or the id of a machine's revision: it has to be there for that."""
        arn = self._make(logical)
        if attribute != "StateMachineRevisionId":
            return arn
        return "INITIAL" if self._client is None else server.revision_id_of(self._client, arn)

    def _make(self, logical: str) -> str:
        """Make one resource, once; its ARN."""
        if logical in self._ready:
            return self._ready[logical]
        if logical in self._making:
            raise CommandError(f"{' → '.join([*self._making, logical])} depends on itself")
        self._making.append(logical)
        place = self.resolver.place
        try:
            kind = self._resources[logical]["Type"]
            done = _MAKERS[kind](self, logical, kind)
        finally:
            self.resolver.place = place
            self._making.pop()
        self.report.done += done
        self._ready[logical] = done[0].arn
        return done[0].arn

    # --- one resource each ----------------------------------------------------------------------------------------

    def _machine(self, logical: str, kind: str) -> list[server.Done]:
        properties = self._properties(logical, self._globals if kind == "AWS::Serverless::StateMachine" else {})
        name = self.names.machine_name(logical)
        found = specs.machine(logical, kind, name, properties, self._folder, self._arns)
        self.report.notes += found.notes
        arn = f"{self._place.prefix}:stateMachine:{name}"
        if self._client is None:
            return [server.Done(_PLANNED, arn)]
        done = [server.put_machine(self._client, arn, found.spec)]
        if found.alias:
            version = server.publish(self._client, arn, None)
            done += [version, server.put_alias(self._client, arn, found.alias, [(version.arn, 100)], None)]
        return done

    def _activity(self, logical: str, kind: str) -> list[server.Done]:
        properties = self._properties(logical)
        name = self.names.machine_name(logical)
        arn = f"{self._place.prefix}:activity:{name}"
        if self._client is None:
            return [server.Done(_PLANNED, arn)]
        return [server.put_activity(self._client, arn, name, specs.tags(logical, properties.get("Tags")))]

    def _version(self, logical: str, kind: str) -> list[server.Done]:
        properties = self._properties(logical)
        machine_arn = str(properties.get("StateMachineArn"))
        self._make_first(machine_arn)
        if self._client is None:
            return [server.Done(_PLANNED, f"{machine_arn}:{PLANNED_VERSION}")]
        revision = properties.get("StateMachineRevisionId")
        return [server.publish(self._client, machine_arn, properties.get("Description"), revision)]

    def _alias(self, logical: str, kind: str) -> list[server.Done]:
        properties = self._properties(logical)
        routes = specs.routes(logical, properties)
        machine_arn = routes[0][0].rpartition(":")[0]
        name = str(properties.get("Name") or logical)
        if self._client is None:
            return [server.Done(_PLANNED, f"{machine_arn}:{name}")]
        return [server.put_alias(self._client, machine_arn, name, routes, properties.get("Description"))]

    def _make_first(self, machine_arn: str) -> None:
        """Make the state machine of this template that has the ARN."""
        for logical, resource in self._resources.items():
            if resource["Type"] in MACHINES and machine_arn.endswith(f":{self.names.machine_name(logical)}"):
                self._make(logical)

    def _properties(self, logical: str, shared: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The properties, resolved; events and policies are nobody's business and may refer to anything."""
        given = self._resources[logical].get("Properties") or {}
        self.resolver.place = logical
        found: dict[str, Any] = {}
        for name, value in {**(shared or {}), **given}.items():
            if name in ("Events", "Policies"):
                found[name] = bool(value)
                continue
            self.resolver.place = f"{logical}.{name}"
            resolved = self.resolver.resolve(value)
            if resolved is not NO_VALUE:
                found[name] = resolved
        return found


_MAKERS: Final[dict[str, Callable[[_Pass, str, str], list[server.Done]]]] = {
    **dict.fromkeys(MACHINES, _Pass._machine),
    ACTIVITY: _Pass._activity,
    VERSION: _Pass._version,
    ALIAS: _Pass._alias,
}
