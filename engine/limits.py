"""AWS's quotas and our own budgets: every bound that user data can meet, in one place."""

from __future__ import annotations

from typing import Final

DEFINITION_BYTES_MAX: Final = 1_048_576
DEFINITION_DEPTH_MAX: Final = 200  # levels of JSON; what compiles a definition recurses as deep as it is nested
PAYLOAD_BYTES_MAX: Final = 262_144
HISTORY_EVENTS_MAX: Final = 25_000
EXECUTION_SECONDS_MAX: Final = 365 * 24 * 3600
EXPRESS_SECONDS_MAX: Final = 300
TASK_SECONDS_MAX: Final = 99_999_999
WAIT_SECONDS_MAX: Final = 2_147_483_647 - 127  # 24,855 days pass, 24,856 do not (recorded)
CAUSE_CHARACTERS_MAX: Final = 32_768
NAME_CHARACTERS_MAX: Final = 80
OPEN_EXECUTIONS_MAX: Final = 1_000_000  # these three of an account in a region, and soft: an operator may raise them
STATE_MACHINES_MAX: Final = 100_000
ACTIVITIES_MAX: Final = 100_000
LABEL_CHARACTERS_MAX: Final = 40
INLINE_MAP_CONCURRENCY: Final = 40
MAP_RUN_REDRIVES_MAX: Final = 1_000
VARIABLE_BYTES_MAX: Final = 262_144
VARIABLES_BYTES_MAX: Final = 10_485_760
ARRAY_RANGE_ELEMENTS_MAX: Final = 1_000
HASH_CHARACTERS_MAX: Final = 10_000
BASE64_CHARACTERS_MAX: Final = 10_000
INTRINSICS_NESTED_MAX: Final = 10
JSONPATH_NODES_MAX: Final = 100_000
JSONATA_DEPTH_MAX: Final = 100
JSONATA_ELEMENTS_MAX: Final = 873_782
JSONATA_CHARACTERS_MAX: Final = 2**22
TURN_TRANSITIONS_MAX: Final = 100
