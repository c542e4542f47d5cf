"""The long form of API fuzzing: hostile requests for every operation against a running server.

    python -m loadtest.fuzz_api --endpoint http://127.0.0.1:8083 --requests 100000 --connections 4

Every answer must fit the service model, every error must be modelled, nothing may be a 5xx. Exit status 1 otherwise.
A server to be fuzzed should be started with STEPWELL_POLL_SECONDS=0.05, or GetActivityTask takes its minute.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
import time
from collections import Counter

from tests.fixtures.hostile import Hostile, learn
from tests.fixtures.service_model import answer_faults, target_of


class Fuzzer:
    """One connection's share of the requests; the connections learn ARNs and tokens from one another."""

    def __init__(self, address: str, learnt: list[str], answered: Counter[str], faults: list[str]) -> None:
        """`answered` counts statuses and operations, `faults` keeps what was wrong."""
        self._address = address
        self._learnt = learnt
        self._answered = answered
        self._faults = faults

    def run(self, seed: int, requests: int) -> None:
        """Send them all, one after another."""
        hostile = Hostile(seed, self._learnt)
        connection = http.client.HTTPConnection(self._address, timeout=90)
        for _ in range(requests):
            operation, body = hostile.request()
            connection.request("POST", "/", body, {"X-Amz-Target": target_of(operation)})
            response = connection.getresponse()
            answer = response.read()
            self._answered[f"{response.status}"] += 1
            for fault in answer_faults(operation, response.status, answer):
                self._faults.append(f"seed {seed}: {fault}: {body[:500]!r}")
            if response.status == 200:
                self._answered[operation] += 1
                learn(operation, json.loads(answer), self._learnt)
        connection.close()


def main() -> int:
    """Parse the arguments, run the connections, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--endpoint", default="http://127.0.0.1:8083")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    answered: Counter[str] = Counter()
    faults: list[str] = []
    fuzzer = Fuzzer(options.endpoint.removeprefix("http://"), [], answered, faults)
    share = options.requests // options.connections
    seeds = range(options.seed, options.seed + options.connections)
    threads = [threading.Thread(target=fuzzer.run, args=(seed, share)) for seed in seeds]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, count in sorted(answered.items()):
        print(f"{count:8}  {name}")
    print(f"{share * options.connections} requests in {time.monotonic() - begun:.0f} s, {len(faults)} faults")
    for fault in faults[:20]:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
