"""What the operations work with: the store and the collaborators, put together once per process."""

from __future__ import annotations

from dataclasses import dataclass

from services.api.admission import Admission
from services.api.collaborators import ExpressHistory, ExpressLane, LogGroups, MapRuns, StateTester
from services.api.commands import Commands
from services.api.definitions import VariableReferences
from services.api.known_activities import KnownActivities
from services.api.page_token import PageTokens
from services.api.pollers import Pollers
from services.api.quotas import Quotas
from services.api.settings import ApiSettings
from services.api.targets import Targets
from services.api.throttle import Throttle
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.store.interface import ApiStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Handed to every operation. `mocked`: the ARN of a state machine may end in `#` and a test case."""

    store: ApiStore
    clock: Clock
    ids: Ids
    settings: ApiSettings
    admission: Admission
    commands: Commands
    pollers: Pollers
    known_activities: KnownActivities
    targets: Targets
    page_tokens: PageTokens
    throttle: Throttle
    quotas: Quotas
    variable_references: VariableReferences
    express: ExpressLane | None = None
    express_history: ExpressHistory | None = None
    state_tester: StateTester | None = None
    map_runs: MapRuns | None = None
    log_groups: LogGroups | None = None
    mocked: bool = False
