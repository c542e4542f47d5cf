"""Executions of one state machine or of all, by status, name, time and error."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import islice
from typing import Any

from services.cli.client import Client
from services.cli.errors import CommandError
from services.cli.moments import read_moment
from services.cli.resolve import machine_arn
from services.cli.screen import duration, moment, print_json, print_table
from services.runtime.clock import SystemClock

_COLONS_OF_A_MACHINE = 6


@dataclass(frozen=True, slots=True)
class Search:
    """What executions are looked for; None does not restrict."""

    machine: str | None = None
    status: str | None = None
    name_prefix: str | None = None
    since: str | None = None
    until: str | None = None
    error: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing at all was asked for."""
        return all(value is None for value in astuple(self))


def list_executions(client: Client, search: Search, limit: int, as_json: bool) -> None:
    """Print the executions, newest first."""
    found = _find(client, search, limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            it["name"],
            it["status"],
            moment(it["startDate"]),
            duration(it["startDate"], it.get("stopDate")),
            it.get("error", ""),
        )
        for it in found
    ]
    titles: tuple[str, ...] = ("EXECUTION", "STATUS", "STARTED (UTC)", "TOOK", "ERROR")
    if search.machine is None:
        titles = ("STATE MACHINE", *titles)
        machines = [it["stateMachineArn"].rpartition(":")[2] for it in found]
        print_table(titles, [(machine, *row) for machine, row in zip(machines, rows, strict=True)])
    else:
        print_table(titles, rows)


def _find(client: Client, search: Search, limit: int) -> list[dict[str, Any]]:
    now_seconds = SystemClock().now_ms() / 1000
    arn = machine_arn(client, search.machine) if search.machine is not None else None
    if arn is not None and (arn.count(":") > _COLONS_OF_A_MACHINE or ":mapRun:" in arn):
        if search.name_prefix or search.since or search.until or search.error:
            raise CommandError("the executions of a version, an alias or a map run can be chosen by --status alone")
        member = "mapRunArn" if ":mapRun:" in arn else "stateMachineArn"
        pages = client.pages(
            "ListExecutions",
            "executions",
            statusFilter=search.status,
            maxResults=min(limit, 1000),
            **{member: arn},
        )
    else:
        pages = client.pages(
            "Stepwell.SearchExecutions",
            "executions",
            stateMachineArns=[arn] if arn is not None else None,
            statuses=[search.status] if search.status else None,
            namePrefix=search.name_prefix,
            error=search.error,
            startedAfter=read_moment(search.since, now_seconds),
            startedBefore=read_moment(search.until, now_seconds),
            maxResults=min(limit, 1000),
        )
    return list(islice(pages, limit))
