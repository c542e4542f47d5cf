"""Random machines of every state type in both query languages: most fields fit their input, some hold anything."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

ROLE: Final = "arn:aws:iam::000000000000:role/other"
RESOURCES: Final = (
    "arn:aws:lambda:us-east-1:000000000000:function:f",
    "arn:aws:states:us-east-1:000000000000:activity:a",
    "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "arn:aws:states:::lambda:invoke",
)
# In the language's own notation: what any field may hold, be it right or wrong for it.
PATHS: Final = (
    "$", "$.a", "$.a.b", "$.odd", "$.items[0]", "$.items[*]", "$..b", "$.items[?(@ == 1)]", "$.missing",
    "$$.Execution.Name", "$$.State.RetryCount", "$$.Map.Item.Value", "$v2", "$v1.x", "$v0",
)  # fmt: skip
REFERENCES: Final = ("$", "$.a", "$.a.b", "$.odd", "$.items[0]", "$.missing", "$v2", "$v1.x", "$v0")
CALLS: Final = (
    "States.Array($.a, $.odd)", "States.ArrayLength($.items)", "States.ArrayLength($.odd)", "States.UUID()",
    "States.MathAdd($.odd, 1)", "States.MathRandom(1, 9)", "States.Format('{} {}', $.odd, $v2)",
    "States.StringToJson($.odd)", "States.JsonToString($)", "States.ArrayGetItem($.items, $.odd)",
)  # fmt: skip
SAFE: Final = ("$", "$$.Execution.Name", "$$.State.Name", "States.UUID()")
SAFE_JSONATA: Final = ("$states.input", "$states.context.Execution.Name", "'E1'", "$uuid()")
JSONATA: Final = (
    "$states.input", "$states.input.a", "$states.input.odd", "$states.input.items", "$states.input.missing",
    "$states.context.Execution.Name", "$states.context.State.RetryCount", "$v2", "$v1.x", "$v0", "$uuid()",
    "$count($states.input.items) + 1", "$states.input.odd * 2", "$states.input.items[$ = 1]", "'E1'", "[1, 2, 'x']",
    "$states.input.odd = 1", "$exists($states.input.a.b)", "function($x){$x}", "$error('no')", "$now()",
)  # fmt: skip
ODD: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 1, 3, 7.0, 1.5, 10**12, 10**30, 1e300, "", "2", "E1", "2016-03-14T01:59:00Z",
    "2199-01-01T00:00:00.5+02:00", {}, {"RoleArn": ROLE}, [], [1, 2, 3], ROLE,
)  # fmt: skip
ERRORS: Final = ("States.ALL", "States.TaskFailed", "E1", "E2", "States.Timeout", "States.HeartbeatTimeout",
                 "States.QueryEvaluationError", "States.DataLimitExceeded", "States.Runtime")  # fmt: skip
OPERATORS: Final = (
    {"IsNull": True}, {"IsPresent": False}, {"IsNumeric": True}, {"NumericLessThanPath": "$.a"}, {"NumericEquals": 1},
    {"StringMatches": "E*"}, {"StringGreaterThanPath": "$.odd"}, {"TimestampLessThan": "2020-01-01T00:00:00Z"},
    {"BooleanEqualsPath": "$.missing"}, {"IsTimestamp": True}, {"IsString": False},
)  # fmt: skip


def json_values() -> st.SearchStrategy[Any]:
    """Inputs with the members that the paths above name."""
    scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("abé", max_size=3)
    members = {
        "a": scalars | st.fixed_dictionaries({"b": scalars}),
        "items": st.lists(scalars, max_size=4),
        "odd": st.sampled_from(ODD),
    }
    fitting = st.fixed_dictionaries(members)
    return st.one_of(fitting, fitting, fitting, st.sampled_from(ODD))


@st.composite
def machines(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A whole definition."""
    language = draw(st.sampled_from(["JSONPath", "JSONata", "mixed"]))
    machine: dict[str, Any] = draw(sub_machines(depth, "S", language))
    if language == "JSONata":
        machine["QueryLanguage"] = language
    if draw(st.integers(0, 9)) == 0:
        machine["TimeoutSeconds"] = draw(st.integers(1, 60))
    return machine


@st.composite
def sub_machines(draw: st.DrawFn, depth: int, prefix: str, language: str) -> dict[str, Any]:
    """States that go from each to a later one, so that every machine ends."""
    count = draw(st.integers(1, 4))
    names = [f"{prefix}{index}" for index in range(count)]
    states = {}
    for index, name in enumerate(names):
        later = names[index + 1 :]
        one = language if language != "mixed" else draw(st.sampled_from(["JSONPath", "JSONata"]))
        state = draw(_State(draw, depth, f"{name}_", later, one, language).drawn())
        if language == "mixed" and one == "JSONata":
            state["QueryLanguage"] = one
        if state["Type"] not in ("Succeed", "Fail", "Choice"):
            state |= {"Next": later[0]} if later else {"End": True}
        elif later and state["Type"] != "Choice":
            state = {"Type": "Pass", "Next": later[0]}
        states[name] = state
    return {"StartAt": names[0], "States": states}


class _State:
    """Draws one state; `language` is its own, `around` the machine's."""

    def __init__(self, draw: st.DrawFn, depth: int, prefix: str, later: list[str], language: str, around: str) -> None:
        self.draw, self.depth, self.prefix, self.later = draw, depth, prefix, later
        self.jsonata, self.around = language == "JSONata", around
        self.given = "Arguments" if self.jsonata else "Parameters"

    def drawn(self) -> st.SearchStrategy[dict[str, Any]]:
        """The state without Next and End."""
        kinds = ["Pass", "Pass", "Wait", "Task", "Task", "Succeed", "Fail"] + (["Choice"] if self.later else [])
        kind = self.pick(kinds + (["Parallel", "Map", "Map"] if self.depth else []))
        state = {"Type": kind, **getattr(self, f"_{kind.lower()}")()}
        if kind != "Fail":
            state |= self._data(kind)
        return st.just(state)

    def pick(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def maybe(self, chance: int = 2) -> bool:
        return bool(self.draw(st.integers(1, chance)) == 1)

    def value(self) -> str:
        """A computed value; one in three may be anything."""
        if self.jsonata:
            return f"{{% {self.pick(JSONATA if self.maybe(3) else SAFE_JSONATA)} %}}"
        return str(self.pick(PATHS + CALLS if self.maybe(3) else SAFE))

    def key(self, name: str) -> str:
        return name if self.jsonata else f"{name}.$"

    def number(self, field: str, low: int, high: int) -> dict[str, Any]:
        """A number field: literal, or computed from what may be no number."""
        if not self.maybe(4):
            return {field: self.draw(st.integers(low, high))}
        return {field: "{% $states.input.odd %}"} if self.jsonata else {f"{field}Path": self.pick(REFERENCES)}

    def _data(self, kind: str) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if self.jsonata:
            if self.maybe(4):
                fields["Output"] = {"a": self.value(), "items": [1, self.value()]} if self.maybe() else self.value()
        else:
            for field in ("InputPath", "OutputPath"):
                if self.maybe(8):
                    fields[field] = self.pick([*PATHS, None])
        if kind != "Succeed" and self.maybe(4):
            fields["Assign"] = {self.key(f"v{self.depth}"): self.value()}
        return fields

    def _pass(self) -> dict[str, Any]:
        if self.jsonata:
            return {}
        choices: list[dict[str, Any]] = [{}, {"Result": {"r": 1}}, {"Parameters": {"p.$": self.value()}}]
        return self.pick([*choices, {"ResultPath": self.pick(["$.a.b", "$.items[0]", "$.new.x", None])}])

    def _wait(self) -> dict[str, Any]:
        if not self.maybe(4):
            return self.number("Seconds", 0, 40)
        if self.jsonata:
            return {"Timestamp": self.value()}
        return {"TimestampPath": self.pick(REFERENCES)}

    def _succeed(self) -> dict[str, Any]:
        return {}

    def _fail(self) -> dict[str, Any]:
        if self.jsonata:
            return {"Error": self.value(), "Cause": self.value()} if self.maybe() else {"Error": "E1"}
        return {"ErrorPath": self.value(), "CausePath": self.value()} if self.maybe() else {"Error": "E2"}

    def _choice(self) -> dict[str, Any]:
        has_default = not self.maybe(4)
        goal = {"Next": self.pick(self.later) if has_default else self.later[0]}
        if self.jsonata:
            condition = self.value() if self.maybe(3) else "{% $exists($states.input.a) %}"
            rule: dict[str, Any] = {"Condition": condition, **goal}
            if self.maybe(3):
                rule["Output"] = self.value()
        else:
            tests = [{"Variable": "$", "IsPresent": True}, {"Variable": self.pick(REFERENCES), **self.pick(OPERATORS)}]
            rule = {**self.pick([*tests, {"Not": tests[1]}, {"And": tests}, {"Or": tests}]), **goal}
        if self.maybe(3):
            rule["Assign"] = {self.key(f"v{self.depth}"): self.value(), f"w{self.depth}": {"in": [self.value()]}}
        return {"Choices": [rule]} | ({"Default": self.later[0]} if has_default else {})

    def _task(self) -> dict[str, Any]:
        resource = self.pick(RESOURCES)
        fields = {"Resource": resource, **self._work()}
        given: dict[str, Any] = {self.key("x"): self.value()}
        if "sqs" in resource:
            given = {"QueueUrl": "https://sqs", self.key("MessageBody"): self.value()}
        if "invoke" in resource:
            given = {"FunctionName": "f", self.key("Payload"): self.value()}
        fields[self.given] = given
        if self.jsonata and self.maybe(6):
            fields["Arguments"] = self.value()
        if self.maybe(3):
            fields |= self.number("TimeoutSeconds", 30, 60)
        if self.maybe(3) and "invoke" not in resource:
            fields |= self.number("HeartbeatSeconds", 1, 20)
        if self.maybe(5) and "activity" not in resource:
            fields["Credentials"] = {self.key("RoleArn"): self.value()}
        return fields

    def _parallel(self) -> dict[str, Any]:
        inner = [
            self.draw(sub_machines(self.depth - 1, f"{self.prefix}{index}", self.around))
            for index in range(self.draw(st.integers(1, 3)))
        ]
        fields: dict[str, Any] = {"Branches": inner, **self._work()}
        if self.maybe(4):
            given = {self.key("a"): self.value(), "items": [1]}
            fields[self.given] = self.value() if self.jsonata else given
        return fields

    def _map(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"ItemProcessor": self.draw(sub_machines(self.depth - 1, self.prefix, self.around))}
        fields |= self._work() | (self.number("MaxConcurrency", 0, 2) if self.maybe() else {})
        if self.jsonata:
            fields["Items"] = self.pick(
                [[1, self.value()], [self.value(), 2, 3], "{% [1..3] %}", {"a": 1}, self.value()]
            )
        else:
            items = ["$$.Execution.Input.items", "$$.Execution.Input.items", "$.items", "$.odd", "$v2"]
            fields["ItemsPath"] = self.pick(items)
        if self.maybe(3):
            fields["ItemSelector"] = {self.key("a"): self.value(), "items": [1]}
            if self.jsonata and self.maybe(3):
                fields["ItemSelector"] = self.value()
        if self.maybe(4):
            fields["ItemProcessor"]["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
            if self.maybe():
                fields |= self.number("ToleratedFailurePercentage", 0, 100)
            if self.maybe():
                fields["ItemBatcher"] = {
                    **self.number("MaxItemsPerBatch", 1, 3),
                    "BatchInput": {self.key("b"): self.value()},
                }
            if self.maybe(3):
                fields |= self._reader()
            if self.maybe(3):
                place = {"Bucket": "b", self.key("Prefix"): self.value()}
                fields["ResultWriter"] = {"Resource": "arn:aws:states:::s3:putObject", self.given: place}
        return fields

    def _reader(self) -> dict[str, Any]:
        place = {"Bucket": "b", self.key("Key"): self.value()}
        config = {"InputType": "JSON", **self.number("MaxItems", 1, 9)}
        reader = {"Resource": "arn:aws:states:::s3:getObject", self.given: place, "ReaderConfig": config}
        return {"ItemReader": reader}

    def _work(self) -> dict[str, Any]:
        """Retry and Catch, and what comes between the result and the output."""
        fields: dict[str, Any] = {}
        if self.maybe():
            fields["Retry"] = [self._retrier(errors) for errors in self._errors()]
        if self.later and self.maybe():
            fields["Catch"] = [self._catcher(errors) for errors in self._errors()]
        if not self.jsonata:
            if self.maybe(4):
                fields["ResultSelector"] = {"r.$": self.value()}
            if self.maybe(4):
                fields["ResultPath"] = self.pick(["$.a.b", "$.r", "$.items[0]", None])
        return fields

    def _errors(self) -> list[list[str]]:
        """What one or two rules match; States.ALL stands alone and last."""
        first, last = self.pick(ERRORS[1:]), self.pick(ERRORS)
        return [[last]] if self.maybe() or first == last else [[first], [last]]

    def _retrier(self, errors: list[str]) -> dict[str, Any]:
        fields: dict[str, Any] = {"ErrorEquals": errors, "MaxAttempts": self.draw(st.integers(0, 3))}
        extra = [{"IntervalSeconds": 3}, {"BackoffRate": 1.5}, {"IntervalSeconds": 9, "MaxDelaySeconds": 10}]
        return fields | self.pick([{}, *extra, {"JitterStrategy": "FULL"}, {"BackoffRate": 1e308}])

    def _catcher(self, errors: list[str]) -> dict[str, Any]:
        fields: dict[str, Any] = {"ErrorEquals": errors, "Next": self.pick(self.later)}
        if self.maybe(3):
            fields["Assign"] = {self.key(f"v{self.depth}"): self.value()}
        if self.jsonata:
            return fields | self.pick([{}, {"Output": self.value()}, {"Output": "{% $states.errorOutput %}"}])
        return fields | self.pick([{}, {"ResultPath": "$.e"}, {"ResultPath": "$.items[7]"}, {"ResultPath": None}])


@st.composite
def lone_states(draw: st.DrawFn) -> dict[str, Any]:
    """One state, as TestState takes it."""
    language = draw(st.sampled_from(["JSONPath", "JSONata"]))
    around = "mixed" if language == "JSONata" else language
    state: dict[str, Any] = draw(_State(draw, 1, "S_", ["Other"], language, around).drawn())
    if state["Type"] not in ("Succeed", "Fail", "Choice"):
        state["Next"] = "Other"
    return state | ({"QueryLanguage": language} if language == "JSONata" else {})
