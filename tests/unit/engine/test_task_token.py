"""Task tokens lead back to their attempt, and to nothing else."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest

from engine import task_token
from engine.task_token import TaskToken

ID = UUID(int=77)
HERE = "eu-west-1:111122223333"
TEXT = task_token.encode(ID, "0/2/17", b"t" * 16, HERE)


def test_a_token_leads_back_to_its_attempt() -> None:
    assert task_token.decode(TEXT, HERE) == TaskToken(ID, "0/2/17", b"t" * 16)


def flipped(index: int) -> str:
    data = bytearray(base64.b64decode(TEXT))
    data[index] ^= 1
    return base64.b64encode(bytes(data)).decode()


@pytest.mark.parametrize("index", [0, 1, 17, 33, -1])
def test_a_token_with_a_flipped_bit_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="Invalid token"):
        task_token.decode(flipped(index), HERE)


@pytest.mark.parametrize("text", ["", "abc", "????", "é", base64.b64encode(b"x" * 20).decode()])
def test_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid token"):
        task_token.decode(text, HERE)


@pytest.mark.parametrize("place", ["us-east-1:111122223333", "eu-west-1:444455556666", "eu-west-1", ""])
def test_a_token_of_another_region_or_account_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="Invalid token"):
        task_token.decode(TEXT, place)
