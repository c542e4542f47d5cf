"""Settings: read from the environment, refused with their name, described for the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from services.runtime.settings import (
    ProcessSettings,
    SettingError,
    SettingLine,
    document,
    read_settings,
    setting,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some settings.

    Attributes:
        lease_seconds: how long a silent one keeps
            what it has.
        lanes, slots: two in one line.
        style: how it looks.
    """

    lease_seconds: float = setting(10.0, min=1, max=300)
    lanes: int = 3
    slots: int = 64
    style: Literal["text", "json"] = "text"
    strict: bool = False
    name: str = ""


def test_defaults_hold_when_the_environment_says_nothing() -> None:
    assert read_settings(Sample, {"LEASE_SECONDS": "5"}) == Sample()


def test_values_come_from_the_environment() -> None:
    environment = {"STEPWELL_LEASE_SECONDS": "2.5", "STEPWELL_LANES": "4", "STEPWELL_STRICT": "yes"}
    assert read_settings(Sample, environment) == Sample(lease_seconds=2.5, lanes=4, strict=True)


def test_what_is_given_comes_before_the_environment_and_none_does_not() -> None:
    environment = {"STEPWELL_LANES": "4", "STEPWELL_SLOTS": "5"}
    assert read_settings(Sample, environment, lanes=9, slots=None) == Sample(lanes=9, slots=5)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("STEPWELL_LANES", "three", id="not-a-number"),
        pytest.param("STEPWELL_LANES", "1.5", id="not-whole"),
        pytest.param("STEPWELL_LANES", "-1", id="negative"),
        pytest.param("STEPWELL_LEASE_SECONDS", "nan", id="nan"),
        pytest.param("STEPWELL_LEASE_SECONDS", "inf", id="endless"),
        pytest.param("STEPWELL_LEASE_SECONDS", "0.9", id="below-its-least"),
        pytest.param("STEPWELL_LEASE_SECONDS", "300.1", id="above-its-most"),
        pytest.param("STEPWELL_STYLE", "xml", id="not-a-choice"),
        pytest.param("STEPWELL_STRICT", "perhaps", id="not-true-or-false"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read_settings(Sample, {variable: value})


@pytest.mark.parametrize("value", [1.0, 300.0])
def test_the_bounds_themselves_are_allowed(value: float) -> None:
    assert read_settings(Sample, {"STEPWELL_LEASE_SECONDS": str(value)}).lease_seconds == value


def test_the_documentation_takes_its_texts_from_the_docstring() -> None:
    lines: dict[str, tuple[Any, str]] = {line.variable: (line.default, line.text) for line in document(Sample)}
    assert lines["STEPWELL_LEASE_SECONDS"] == (10.0, "how long a silent one keeps what it has.")
    assert lines["STEPWELL_LANES"] == (3, "two in one line.")
    assert lines["STEPWELL_SLOTS"] == (64, "two in one line.")


def test_every_setting_of_a_process_has_a_text() -> None:
    assert [line for line in document(ProcessSettings) if not line.text] == []
    assert SettingLine("STEPWELL_RETENTION_DAYS", 90.0, "how long ended executions are kept.") in document(
        ProcessSettings
    )
