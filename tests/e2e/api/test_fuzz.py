"""Hostile requests for every operation: only modelled errors, answers that fit the model, never a 5xx."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from services.api.settings import ApiSettings
from tests.e2e.api.conftest import Server
from tests.fixtures.hostile import OPERATIONS, Hostile, learn
from tests.fixtures.postgres import Databases
from tests.fixtures.service_model import answer_faults, target_of

SEEDS = (1, 2)
REQUESTS = int(os.environ.get("STEPWELL_HOSTILE_REQUESTS", "6000")) // len(SEEDS)
SECONDS_MAX = 600.0  # the long form ends after this, however slow the machine is


@pytest.fixture(scope="module")
def fuzzed(postgres_server: Databases) -> Iterator[Server]:
    """A server of its own, with polls that end at once."""
    url = asyncio.run(postgres_server.create())
    with Server(url, ApiSettings(node="fuzz", poll_seconds=0.01)) as running:
        yield running


@pytest.mark.parametrize("seed", SEEDS)
def test_every_operation_survives_hostile_values(fuzzed: Server, seed: int) -> None:
    learnt: list[str] = []
    hostile = Hostile(seed, learnt)
    connection = http.client.HTTPConnection(fuzzed.url.removeprefix("http://"), timeout=30)
    answered: Counter[str] = Counter()
    end = time.monotonic() + SECONDS_MAX
    try:
        for _ in range(REQUESTS):
            if time.monotonic() > end:
                break
            operation, body = hostile.request()
            connection.request("POST", "/", body, {"X-Amz-Target": target_of(operation)})
            response = connection.getresponse()
            answer = response.read()
            assert answer_faults(operation, response.status, answer) == [], body[:2000]
            if response.status == 200:
                answered[operation] += 1
                learn(operation, json.loads(answer), learnt)
    finally:
        connection.close()
    # The requests must reach behind the checks as well, or they would prove little.
    assert len(answered) > len(OPERATIONS) / 2, answered
