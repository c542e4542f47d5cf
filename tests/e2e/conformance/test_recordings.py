"""The score against recordings of the real AWS may rise; it never falls."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conformance.recordings import floor, play, score
from tests.fixtures.shared import CONFORMANCE


@pytest.mark.slow
@pytest.mark.skipif(not CONFORMANCE.exists(), reason="the recordings are not beside this checkout")
def test_no_file_scores_below_its_floor(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    outcomes = play(tmp_path)
    now = score(outcomes)
    worse = {file: (now.get(file), least) for file, least in floor().items() if now.get(file, [0, 0])[0] < least[0]}
    failed = [name for name, outcome in outcomes.items() if not outcome["passed"]]
    assert not worse, f"below the floor: {worse}; failed now: {failed}"
