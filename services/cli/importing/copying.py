"""Make on a server what an account has: each state machine, its versions under their numbers, aliases and tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from services.cli import resources as server
from services.cli.client import Client
from services.cli.errors import ServerError
from services.cli.importing.source import SourceMachine
from services.cli.resources import Done, MachineSpec

GAP_MAX: Final = 1_000
_CONFIGURATIONS: Final = ("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where: ARNs of the one account become those of the other."""

    source_prefix: str
    target_prefix: str

    def text(self, text: str) -> str:
        """A definition or an ARN with the account's own state machines and activities moved along."""
        return text.replace(f"{self.source_prefix}:", f"{self.target_prefix}:")


class Copying:
    """Copies state machines one by one; `note` is told what the user should know."""

    def __init__(self, client: Client, move: Move, note: Callable[[str], None]) -> None:
        """Nothing is made yet."""
        self._client = client
        self._move = move
        self._note = note

    def machine(self, machine: SourceMachine) -> list[Done]:
        """Copy one state machine with everything that belongs to it.

        Raises:
            CommandError: the server refuses.
        """
        arn = f"{self._move.target_prefix}:stateMachine:{machine.name}"
        numbers = {number: number for number in self._versions_there(arn)}
        done: list[Done] = []
        for number, description in machine.versions:
            if number not in numbers:
                self._put(arn, _spec(machine, description, self._move), done)
                version = self._publish(arn, number, description.get("description") or None)
                numbers[number] = _number(version.arn)
                done.append(version)
        self._put(arn, _spec(machine, machine.description, self._move), done)
        done += [self._alias(arn, alias, numbers) for alias in machine.aliases]
        return done

    def activity(self, name: str, tags: dict[str, str]) -> Done:
        """Copy one activity."""
        return server.put_activity(self._client, f"{self._move.target_prefix}:activity:{name}", name, tags)

    def _put(self, arn: str, spec: MachineSpec, done: list[Done]) -> None:
        """Make the state machine as it was or is; where it logs to may not exist here."""
        try:
            put = server.put_machine(self._client, arn, spec)
        except ServerError as error:
            if error.code != "InvalidLoggingConfiguration" or spec.logging is None:
                raise
            self._note(f"{spec.name} is copied without its logging: {error.message}")
            put = server.put_machine(self._client, arn, replace(spec, logging=None))
        if done and done[0].arn == arn:
            verb = done[0].verb if put.verb == "unchanged" or done[0].verb == "created" else put.verb
            done[0] = Done(verb, arn)
        else:
            done.insert(0, put)

    def _versions_there(self, arn: str) -> set[int]:
        """Numbers of the versions that the server has; none of a state machine that it does not have."""
        found = self._client.pages("ListStateMachineVersions", "stateMachineVersions", stateMachineArn=arn)
        return {_number(item["stateMachineVersionArn"]) for item in found}

    def _publish(self, arn: str, number: int, description: str | None) -> Done:
        """Publish the current revision under a number: numbers that the account has no version of are skipped."""
        for _ in range(GAP_MAX):
            version = server.publish(self._client, arn, description)
            if version.verb != "created" or _number(version.arn) >= number:
                break
            self._client.call("DeleteStateMachineVersion", stateMachineVersionArn=version.arn)
        got = _number(version.arn)
        if got != number:
            self._note(f"version {number} of {arn} is version {got} here")
        return version

    def _alias(self, arn: str, alias: dict[str, Any], numbers: Mapping[int, int]) -> Done:
        routes = [
            (f"{arn}:{numbers[_number(route['stateMachineVersionArn'])]}", int(route["weight"]))
            for route in alias["routingConfiguration"]
        ]
        return server.put_alias(self._client, arn, alias["name"], routes, alias.get("description"))


def _number(version_arn: str) -> int:
    return int(version_arn.rpartition(":")[2])


def _spec(machine: SourceMachine, description: dict[str, Any], move: Move) -> MachineSpec:
    logging, tracing, encryption = (_configuration(description.get(name)) for name in _CONFIGURATIONS)
    return MachineSpec(
        name=machine.name,
        definition=move.text(description["definition"]),
        role_arn=description["roleArn"],
        type=machine.description["type"],
        logging=logging,
        tracing=tracing,
        encryption=encryption,
        tags={key: value for key, value in machine.tags.items() if not key.startswith("aws:")},
    )


def _configuration(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """What says nothing but the default is not written."""
    if given in (None, {"type": "AWS_OWNED_KEY"}):
        return None
    return given
