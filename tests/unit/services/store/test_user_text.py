"""What a Postgres text column cannot hold is replaced, the rest stays."""

from __future__ import annotations

import pytest

from services.store.user_text import storable


@pytest.mark.parametrize(
    ("text", "kept"),
    [(None, None), ("", ""), ("é\U0001f600", "é\U0001f600"), ("a\0b", "a\ufffdb"), ("a\ud800b", "a\ufffdb")],
)
def test_only_nul_and_lone_surrogates_are_replaced(text: str | None, kept: str | None) -> None:
    assert storable(text) == kept
