"""What the names in a template stand for: parameters, pseudo parameters, its own resources, and the map file's entries.

A resource that the server will hold has the ARN that it will have there. Any other is looked up in the map file, and
failing that named as its type is usually named; such guesses are kept, to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.cli.errors import CommandError
from services.cli.templates.intrinsics import Resolver
from services.cli.templates.known_types import KNOWN_TYPES
from services.cli.templates.map_file import References

MACHINES: Final = frozenset({"AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine"})
ACTIVITY: Final = "AWS::StepFunctions::Activity"
VERSION: Final = "AWS::StepFunctions::StateMachineVersion"
ALIAS: Final = "AWS::StepFunctions::StateMachineAlias"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server puts things."""

    account: str
    region: str

    @property
    def prefix(self) -> str:
        """What ARNs of Step Functions begin with."""
        return f"arn:aws:states:{self.region}:{self.account}"


@dataclass
class TemplateNames:
    """Answers `Names` for one template.

    Attributes:
        made: the ARN of a version, an alias or a revision, which only the server knows: asked when one is needed.
        assumed: what was guessed, by the name that asked.
        functions: where functions run, by function name, as the map file says.
    """

    resources: Mapping[str, Any]
    parameters: Mapping[str, Any]
    references: References
    place: Place
    stack: str
    made: Callable[[str, str], str]
    assumed: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    _naming: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A resolver of its own reads the names of resources; what is missing there is noted by nobody."""
        self.resolver: Resolver = Resolver(self)

    def ref(self, name: str) -> Any:
        """What Ref answers."""
        if name in self.references.values:
            return self.references.values[name]
        if name in self.parameters:
            return self.parameters[name]
        if name.startswith("AWS::"):
            return self._pseudo().get(name)
        if name in self.resources:
            return self._own(name, None)
        logical, _, qualifier = name.partition(".")  # SAM: the version or alias of a function
        if qualifier in ("Alias", "Version") and logical in self.resources:
            arn = self._own(logical, "Arn")
            alias = self._properties(logical).get("AutoPublishAlias", "live")
            return None if arn is None else f"{arn}:{alias if qualifier == 'Alias' else '1'}"
        return None

    def attribute(self, name: str, attribute: str) -> Any:
        """What Fn::GetAtt answers."""
        given = self.references.values.get(f"{name}.{attribute}")
        if given is None and attribute == "Arn" and self.references.values.get(name, "").startswith("arn:"):
            given = self.references.values[name]
        if given is not None:
            return given
        return self._own(name, attribute) if name in self.resources else None

    def given(self, key: str) -> Any:
        """What the map file says."""
        return self.references.values.get(key)

    def machine_name(self, logical: str) -> str:
        """The name of a state machine or an activity of the template."""
        kind = self.resources[logical]["Type"]
        wanted = "StateMachineName" if kind == "AWS::StepFunctions::StateMachine" else "Name"
        return self._name(logical, wanted)

    # --- resources ------------------------------------------------------------------------------------------------

    def _own(self, logical: str, attribute: str | None) -> Any:
        """What a resource of the template answers to Ref (no attribute) or Fn::GetAtt."""
        kind = self.resources[logical].get("Type")
        if kind in MACHINES or kind == ACTIVITY:
            name = self.machine_name(logical)
            word = "activity" if kind == ACTIVITY else "stateMachine"
            if attribute == "StateMachineRevisionId":
                return self.made(logical, attribute)
            return {None: f"{self.place.prefix}:{word}:{name}", "Arn": f"{self.place.prefix}:{word}:{name}"}.get(
                attribute, name if attribute == "Name" else None
            )
        if kind in (VERSION, ALIAS):
            return self.made(logical, "Arn") if attribute in (None, "Arn") else None
        if kind == "AWS::Lambda::Alias" and attribute in (None, "AliasArn"):
            return self._function_alias(logical)
        return self._assumed(logical, kind, attribute)

    def _assumed(self, logical: str, kind: str, attribute: str | None) -> str | None:
        known = KNOWN_TYPES.get(kind)
        pattern = None if known is None else known.ref if attribute is None else known.attributes.get(attribute)
        if known is None or pattern is None:
            return None
        name = self._name(logical, known.name)
        if kind == "AWS::S3::Bucket":
            name = name.lower()
        answer = pattern.format(name=name, region=self.place.region, account=self.place.account)
        if logical in self.references.functions:
            self.functions[name] = self.references.functions[logical]
        else:
            self.assumed[logical if attribute is None else f"{logical}.{attribute}"] = answer
        return answer

    def _function_alias(self, logical: str) -> str | None:
        function = self.resolver.resolve(self._properties(logical).get("FunctionName", ""))
        if not function:
            return None
        if not function.startswith("arn:"):
            function = f"arn:aws:lambda:{self.place.region}:{self.place.account}:function:{function}"
        return f"{function}:{self._name(logical, 'Name')}"

    def _name(self, logical: str, wanted: str) -> str:
        """The value of the property that names it, else the logical id."""
        if logical in self._naming:
            raise CommandError(f"the name of {logical} depends on itself")
        self._naming.append(logical)
        unknown = len(self.resolver.missing)
        try:
            name = self.resolver.resolve(self._properties(logical).get(wanted))
        finally:
            self._naming.pop()
        usable = isinstance(name, str) and name and len(self.resolver.missing) == unknown
        return str(name) if usable else logical

    def _properties(self, logical: str) -> dict[str, Any]:
        found = self.resources[logical].get("Properties")
        return found if isinstance(found, dict) else {}

    def _pseudo(self) -> dict[str, Any]:
        place = self.place
        return {
            "AWS::AccountId": place.account,
            "AWS::Region": place.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.stack,
            "AWS::StackId": f"arn:aws:cloudformation:{place.region}:{place.account}:stack/{self.stack}/stepwell",
            "AWS::NotificationARNs": [],
        }


def read_parameters(declared: Any, given: Mapping[str, str]) -> dict[str, Any]:
    """The values of a template's parameters: what is given, else the default; lists are taken apart.

    Raises:
        CommandError: a value is given for no parameter, or is none of those allowed.
    """
    declared = declared if isinstance(declared, dict) else {}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise CommandError(
            f"the template has no parameter {', '.join(unknown)}; it has {', '.join(declared) or 'none'}"
        )
    values: dict[str, Any] = {}
    for name, about in declared.items():
        kind = str(about.get("Type", "String"))
        value = given.get(name, None if kind.startswith("AWS::SSM::") else about.get("Default"))
        if value is None:
            continue
        allowed = about.get("AllowedValues")
        if allowed is not None and str(value) not in map(str, allowed):
            raise CommandError(f"the parameter {name} must be one of {', '.join(map(str, allowed))}, not {value}")
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        values[name] = [part.strip() for part in str(value).split(",")] if is_list else value
    return values
