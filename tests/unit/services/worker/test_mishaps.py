"""All of it at once: lost, doubled and late messages by seed, and many at a time."""

from __future__ import annotations

import pytest

from services.broker.messages import Ack, Result
from tests.fixtures.local_broker import Mischief
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.worker.desk import SCHEDULER, Desk


@pytest.mark.parametrize("seed", range(20))
def test_lost_doubled_and_late_messages_run_every_grant_at_most_once(seed: int) -> None:
    async def main() -> None:
        desk = Desk(Mischief(seed, lose=0.2, double=0.2, delay=0.4, delay_seconds=3.0), slots=4, waiting_max=4)
        desk.integration.seconds = 0.5
        grants = [desk.a_grant(number) for number in range(1, 41)]
        for _ in range(60):
            ended = {result.grant for result in desk.results}
            for grant in grants:
                if grant.grant not in ended:
                    desk.tell(grant)
            desk.tell(Ack(list(ended)))
            await desk.pass_time(1)
        by_grant: dict[bytes, set[str]] = {}
        for result in desk.results:
            by_grant.setdefault(result.grant, set()).add(result.kind)
        assert len(by_grant) == 40
        assert all(len(kinds) == 1 for kinds in by_grant.values()), "a grant has one end, however often it is told"
        assert len(desk.integration.calls) == sum(kinds == {"succeeded"} for kinds in by_grant.values())
        await desk.pass_time(5)
        desk.tell(Ack([grant.grant for grant in grants]))

    run_virtually(main())


def test_ten_thousand_results_leave_in_few_bodies() -> None:
    async def main() -> None:
        desk = Desk(slots=10_000)
        desk.tell(*[desk.a_grant() for _ in range(10_000)])
        await desk.pass_time()
        bodies = [body for queue, body in desk.broker.sent if queue == SCHEDULER]
        assert len([one for one in desk.inbox if isinstance(one, Result)]) == 10_000
        assert len(bodies) <= 45

    run_virtually(main())
