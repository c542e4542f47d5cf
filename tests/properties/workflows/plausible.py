"""Random inputs and answers that lead a definition somewhere: what it reads is there, mostly as it wants it."""

from __future__ import annotations

from random import Random
from typing import Any

from engine.asl.model import Program, Resource, TaskState
from engine.expressions.reference_path import ReferencePath
from engine.payload import encode_json
from services.integrations.mocks import MockedAnswer
from services.integrations.model_of import response_model
from services.integrations.models import service_model
from services.integrations.registry import TABLE
from services.integrations.shapes import OPTIMISED, SDK, to_json
from services.testing.answers import Answers
from tests.fixtures.shape_values import shape_value
from tests.properties.workflows.vocabulary import ABSENT, EACH, ITEMS, JSON_TEXT, Node, Vocabulary

_PLAIN = ["text", "text", 7, True, "1", {}, ["a"]]
_ODD = [None, "", -1, [], {}, "é", 1.5, ABSENT]


def value_of(node: Node, words: Vocabulary, random: Random, name: str = "", depth: int = 10) -> Any:
    """A value for a place that the definition reads."""
    if random.random() < 0.01:
        return random.choice(_ODD)
    known = node.values or (words.by_name.get(name, []) if not node.members else [])
    if known and (not node.members or random.random() < 0.2):
        return _meant(random.choice(known), words, random, depth)
    names = [inner for inner in node.members if inner != EACH]
    if EACH in node.members and depth > 0 and (not names or random.random() < 0.5):
        items = [value_of(node.members[EACH], words, random, name, depth - 1) for _ in range(random.randint(1, 3))]
        return [item for item in items if item is not ABSENT]
    if not names or depth <= 0:
        return _document(words, random, depth - 5) if depth > 5 and random.random() < 0.4 else random.choice(_PLAIN)
    made = {inner: value_of(node.members[inner], words, random, inner, depth - 1) for inner in names}
    return {inner: value for inner, value in made.items() if value is not ABSENT}


def _meant(value: Any, words: Vocabulary, random: Random, depth: int) -> Any:
    if value is ITEMS:
        return [_document(words, random, depth - 4) for _ in range(random.choice([1, 1, 2, 3, 0]))]
    if value is JSON_TEXT:
        return encode_json(_document(words, random, depth - 4)).decode()
    return value


def _document(words: Vocabulary, random: Random, depth: int) -> Any:
    value = value_of(words.root, words, random, depth=depth)
    return {} if value is ABSENT else value


def document(words: Vocabulary, random: Random, under: list[str] | None = None) -> Any:
    """Everything that the definition reads below a path."""
    value = value_of(words.root.at(under or []), words, random)
    return {} if value is ABSENT else value


class PlausibleAnswers(Answers):
    """Answers every task of one run at random: with what its API could say, or an error that the state names."""

    def __init__(self, program: Program, words: Vocabulary, random: Random, calls_max: int) -> None:
        """After `calls_max` calls every task fails as nobody expects, after twenty times as many none answers."""
        self._program = program
        self._words = words
        self._random = random
        self._calls_max = calls_max
        self._asked = 0

    @property
    def exhausted(self) -> bool:
        """Whether none answers any more."""
        return self._asked > 20 * self._calls_max

    def next(self, execution: str, state: str, attempt: int) -> MockedAnswer | None:
        """The answer to the next call."""
        self._asked += 1
        if self.exhausted:
            return None
        task = self._program.all_states[state]
        assert isinstance(task, TaskState)
        if self._asked > self._calls_max:
            return MockedAnswer(0, 0, None, "Custom.Unexpected", "enough")
        errors = [name for retrier in task.retry for name in retrier.error_equals]
        errors += [name for catcher in task.catch for name in catcher.error_equals]
        if self._random.random() < (0.3 if errors else 0.03):
            read = [name for name in self._words.by_name["Error"] if isinstance(name, str)]
            error = self._random.choice([*errors, *read, "Custom.Unexpected"])
            cause = encode_json(document(self._words, self._random)).decode()
            return MockedAnswer(0, 0, None, error, self._random.choice([cause, "odd", ""]))
        return MockedAnswer(0, 0, encode_json(self._result(task)))

    def _result(self, task: TaskState) -> Any:
        answered = api_answer(task.resource, self._random)
        path = task.result_path
        under = [str(step) for step in path.steps] if isinstance(path, ReferencePath) else []
        read = document(self._words, self._random)
        below = document(self._words, self._random, under) if under else {}
        return merged(merged(answered, read), below)


def merged(under: Any, over: Any) -> Any:
    """Both, member by member; what lies over wins."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over if over != {} else under
    return {**under, **{name: merged(under[name], item) if name in under else item for name, item in over.items()}}


def api_answer(resource: Resource, random: Random) -> Any:
    """What the API behind a resource could answer, spelled as Step Functions does; {} where there is no model."""
    dialect = SDK if resource.service.startswith("aws-sdk:") else OPTIMISED
    shape = _shape_of(resource)
    return {} if shape is None else to_json(shape_value(shape, random, depth=3), shape, dialect)


def _shape_of(resource: Resource) -> Any:
    model = response_model(resource)
    if model is not None:
        return model.shape
    row = TABLE.get(resource.service)
    if row is None or row.service is None or resource.api_action not in row.service.actions:
        return None
    job = row.service.actions[resource.api_action].job
    return None if job is None else service_model(row.service.botocore).operation_model(job.describe).output_shape
