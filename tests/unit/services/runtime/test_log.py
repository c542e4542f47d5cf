"""Log lines: constant text and fields."""

from __future__ import annotations

import json
import logging

from services.runtime.log import JsonFormatter, TextFormatter


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("stepwell.scheduler", logging.WARNING, "f", 1, "tenure lost", (), None)
    made.created = 1_763_636_400.5
    vars(made).update(extra)
    return made


def test_a_line_for_people_has_the_fields_behind_the_text() -> None:
    line = TextFormatter().format(record(shard=3, held_seconds=1.5))
    assert line == "11:00:00.500 warning stepwell.scheduler: tenure lost shard=3 held_seconds=1.5"


def test_a_line_for_programs_is_one_json_object() -> None:
    line = JsonFormatter().format(record(shard=3, text="two\nlines"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2025-11-20T11:00:00.500+00:00",
        "level": "warning",
        "logger": "stepwell.scheduler",
        "message": "tenure lost",
        "shard": 3,
        "text": "two\nlines",
    }
