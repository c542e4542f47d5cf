"""`bulk stop|redrive|show|list|cancel`: many executions at once, as a job of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import Endpoint, Json, NamePrefix, Region, Since, Until

if TYPE_CHECKING:
    from services.cli.client import Client

Machine = Annotated[str, typer.Argument(metavar="NAME", help="Name or ARN of the state machine.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
Statuses = Annotated[
    list[str] | None, typer.Option("--status", help="Only executions of that status; may be repeated.")
]
FailedWith = Annotated[
    str | None, typer.Option("--failed-with", help="Only executions that ended with this error.", show_default=False)
]
Rate = Annotated[int, typer.Option(help="Executions per second at most.", min=1, max=1000)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count what would be done, and do nothing.")]
Detach = Annotated[bool, typer.Option("--detach", help="Print the id of the job and do not wait for its end.")]

POLL_SECONDS = 0.5
SHOWN_FAILURES = 20

app = typer.Typer(help="Stop or redrive many executions, as a job of the server.", no_args_is_help=True)


@app.command()
def stop(
    machine: Machine,
    started_after: Since = None,
    started_before: Until = None,
    name_prefix: NamePrefix = None,
    error: Annotated[str | None, typer.Option(help="Error name to record.", show_default=False)] = None,
    cause: Annotated[str | None, typer.Option(help="Cause to record.", show_default=False)] = None,
    rate: Rate = 50,
    dry_run: DryRun = False,
    detach: Detach = False,
    json: Json = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Stop the running executions of a state machine."""
    wanted = {"namePrefix": name_prefix, "stopError": error, "stopCause": cause, "maxPerSecond": rate}
    times = (started_after, started_before)
    _start("STOP", machine, wanted, times, dry_run, detach, json, endpoint, region)


@app.command()
def redrive(
    machine: Machine,
    status: Statuses = None,
    started_after: Since = None,
    started_before: Until = None,
    name_prefix: NamePrefix = None,
    failed_with: FailedWith = None,
    rate: Rate = 50,
    dry_run: DryRun = False,
    detach: Detach = False,
    json: Json = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Redrive the executions of a state machine that failed, timed out or were aborted."""
    statuses = [name.upper().replace("-", "_") for name in status] if status else None
    wanted = {"statuses": statuses, "namePrefix": name_prefix, "error": failed_with, "maxPerSecond": rate}
    times = (started_after, started_before)
    _start("REDRIVE", machine, wanted, times, dry_run, detach, json, endpoint, region)


@app.command()
def show(job: Job, json: Json = False, endpoint: Endpoint = None, region: Region = None) -> None:
    """Show how far a job has come and what it could not do. Exit code 1 if there is any."""
    from services.cli.client import connect

    _end(connect(endpoint, region), job, json)


@app.command("list")
def list_all(json: Json = False, endpoint: Endpoint = None, region: Region = None) -> None:
    """List the jobs, newest first."""
    from services.cli.client import connect
    from services.cli.screen import moment, print_json, print_table

    jobs = list(connect(endpoint, region).pages("Stepwell.ListBulkJobs", "bulkJobs"))
    if json:
        print_json(jobs)
        return
    rows = [
        (
            it["bulkJobId"],
            it["action"],
            it["stateMachineArn"].rpartition(":")[2],
            it["status"],
            _counts(it),
            moment(it["startDate"]),
        )
        for it in jobs
    ]
    print_table(("JOB", "ACTION", "STATE MACHINE", "STATUS", "PROGRESS", "STARTED (UTC)"), rows)


@app.command()
def cancel(job: Job, endpoint: Endpoint = None, region: Region = None) -> None:
    """End a job where it is; what it did stays done."""
    from services.cli.client import connect

    connect(endpoint, region).call("Stepwell.CancelBulkJob", bulkJobId=job)
    print(f"cancelled {job}")


def _start(
    action: str,
    machine: str,
    wanted: dict[str, Any],
    times: tuple[str | None, str | None],
    dry_run: bool,
    detach: bool,
    as_json: bool,
    endpoint: str | None,
    region: str | None,
) -> None:
    from services.cli.client import connect
    from services.cli.moments import read_moment
    from services.cli.resolve import machine_arn
    from services.runtime.clock import SystemClock

    client = connect(endpoint, region)
    now_seconds = SystemClock().now_ms() / 1000
    after, before = (read_moment(text, now_seconds) for text in times)
    answer = client.call(
        "Stepwell.StartBulkJob",
        stateMachineArn=machine_arn(client, machine),
        action=action,
        startedAfter=after,
        startedBefore=before,
        dryRun=dry_run or None,
        **wanted,
    )
    job = str(answer["bulkJobId"])
    if detach:
        print(job)
        return
    _wait(client, job, quiet=as_json)
    _end(client, job, as_json)


def _wait(client: Client, job: str, *, quiet: bool) -> None:
    """Wait for the end of a job; a terminal sees how far it is."""
    import sys
    import time

    shown = sys.stderr.isatty() and not quiet
    try:
        while (told := client.call("Stepwell.DescribeBulkJob", bulkJobId=job))["status"] == "RUNNING":
            if shown:
                print(f"\r{_counts(told)}\033[K", end="", file=sys.stderr, flush=True)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        print(f"\nthe job goes on: stepwell bulk show {job}, stepwell bulk cancel {job}", file=sys.stderr)
        raise
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _end(client: Client, job: str, as_json: bool) -> None:
    """Print what is known of a job; exit code 1 if it could not do everything."""
    from itertools import islice

    from services.cli.screen import moment, print_json, print_table

    told = client.call("Stepwell.DescribeBulkJob", bulkJobId=job)
    found = client.pages("Stepwell.ListBulkJobFailures", "failures", bulkJobId=job)
    if as_json:
        print_json(told | {"failures": list(found)})
    else:
        dry = " (dry run: nothing was done)" if told["dryRun"] else ""
        print(f"{told['status']} {job}  {told['action']} {told['stateMachineArn']}{dry}")
        print(f"{_counts(told)}  since {moment(told['startDate'])}")
        rows = [(it["name"], it["error"], it["message"]) for it in islice(found, SHOWN_FAILURES)]
        if rows:
            print_table(("NOT DONE", "ERROR", "REASON"), rows)
        if told["failedCount"] > len(rows):
            print(f"and {told['failedCount'] - len(rows)} more: stepwell bulk show {job} --json")
    if told["failedCount"]:
        raise SystemExit(1)


def _counts(told: dict[str, Any]) -> str:
    past = {"STOP": "stopped", "REDRIVE": "redriven"}[told["action"]]
    total = f" of {told['totalCount']}" if "totalCount" in told else ""
    verb = f"to be {past}" if told["dryRun"] else past
    counts = f"{told['doneCount']}{total} {verb}"
    if told["skippedCount"]:
        counts += f", {told['skippedCount']} needed nothing"
    return counts + (f", {told['failedCount']} not done" if told["failedCount"] else "")
