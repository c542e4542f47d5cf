"""Task tokens lead back to their attempt, and to nothing else."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest

from engine import task_token
from engine.task_token import TaskToken

ID = UUID(int=77)
HERE = "eu-west-1:111122223333"
SECRET = bytes(range(32))
TEXT = task_token.encode(ID, "0/2/17", SECRET, HERE)


def test_a_token_leads_back_to_its_attempt() -> None:
    assert task_token.decode(TEXT, HERE) == TaskToken(ID, "0/2/17", SECRET)


def flipped(index: int) -> str:
    data = bytearray(base64.b64decode(TEXT))
    data[index] ^= 1
    return base64.b64encode(bytes(data)).decode()


@pytest.mark.parametrize("index", [0, 1, 17, 48, 49, -1])
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


def test_a_secret_opens_its_own_digest_and_no_other() -> None:
    kept = task_token.digest(SECRET)
    assert SECRET not in kept
    assert task_token.opens(SECRET, kept)
    assert not task_token.opens(SECRET[:-1] + b"\0", kept)
    assert not task_token.opens(kept, kept)


def test_no_secret_opens_an_attempt_that_handed_no_token_out() -> None:
    assert not task_token.opens(SECRET, b"")
    assert not task_token.opens(b"", b"")
