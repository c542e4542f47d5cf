"""What an account of AWS has: its state machines with versions, aliases and tags. Nothing there is ever changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from services.cli.errors import CommandError

READING: Final = ("List", "Describe")
TRIES: Final = 10


class NotReading(AssertionError):
    """A call that is not a List or a Describe was about to leave."""


@dataclass(frozen=True, slots=True)
class SourceMachine:
    """A state machine as it is: descriptions in the API's shape, versions oldest first."""

    description: dict[str, Any]
    versions: tuple[tuple[int, dict[str, Any]], ...]
    aliases: tuple[dict[str, Any], ...]
    tags: dict[str, str]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.description["name"])


class Source:
    """Reads an account with the credentials of a profile."""

    def __init__(self, profile: str, region: str | None) -> None:
        """Nothing is called yet.

        Raises:
            CommandError: there is no such profile, or no region.
        """
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        try:
            session = Session(profile=profile)
            config = Config(retries={"mode": "standard", "total_max_attempts": TRIES})
            self._client: Any = session.create_client("stepfunctions", region_name=region, config=config)
        except BotoCoreError as error:
            raise CommandError(f"the profile {profile!r} cannot be used: {error}") from None
        self.region = str(self._client.meta.region_name)
        self.endpoint = str(self._client.meta.endpoint_url)
        self._client.meta.events.register_first("before-call.sfn", _refuse_writing)

    def machines(self, name_prefix: str) -> Iterator[dict[str, Any]]:
        """The state machines whose names begin so, as ListStateMachines shows them."""
        found = self._pages("list_state_machines", "stateMachines")
        return (item for item in found if item["name"].startswith(name_prefix))

    def activities(self, name_prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Names and tags of the activities whose names begin so."""
        for item in self._pages("list_activities", "activities"):
            if item["name"].startswith(name_prefix):
                yield item["name"], self._tags(item["activityArn"])

    def machine(self, arn: str) -> SourceMachine:
        """One state machine with everything that belongs to it."""
        described = self._call("describe_state_machine", stateMachineArn=arn)
        versions = []
        for item in self._pages("list_state_machine_versions", "stateMachineVersions", stateMachineArn=arn):
            version_arn = item["stateMachineVersionArn"]
            versions.append((int(version_arn.rpartition(":")[2]), self._described(version_arn)))
        aliases = [
            self._call("describe_state_machine_alias", stateMachineAliasArn=item["stateMachineAliasArn"])
            for item in self._pages("list_state_machine_aliases", "stateMachineAliases", stateMachineArn=arn)
        ]
        versions.sort(key=lambda version: version[0])
        return SourceMachine(described, tuple(versions), tuple(aliases), self._tags(arn))

    def _described(self, arn: str) -> dict[str, Any]:
        return self._call("describe_state_machine", stateMachineArn=arn)

    def _tags(self, arn: str) -> dict[str, str]:
        found = self._call("list_tags_for_resource", resourceArn=arn).get("tags", [])
        return {tag["key"]: tag.get("value", "") for tag in found}

    def _pages(self, method: str, member: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, Any] = {}
        while True:
            answer = self._call(method, maxResults=1000, **parameters, **token)
            yield from answer[member]
            if not answer.get("nextToken"):
                return
            token = {"nextToken": answer["nextToken"]}

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call the account.

        Raises:
            CommandError: it cannot be reached, or refuses.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, method)(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"{self.endpoint}: {error}") from None
        answer.pop("ResponseMetadata", None)
        return answer


def _refuse_writing(model: Any, **_: Any) -> None:
    if not model.name.startswith(READING):
        raise NotReading(model.name)
