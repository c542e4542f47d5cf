"""`express`: run asynchronous express executions; `express dead|list|show` look at what became of some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import BrokerUrl, DatabaseUrl, Endpoint, FunctionEntries, FunctionFiles, Json, Region

if TYPE_CHECKING:
    from services.express.start import ExpressStart

_SHOWN_MAX = 1_000

app = typer.Typer()


@app.callback(invoke_without_command=True)
def express(
    context: typer.Context,
    database_url: DatabaseUrl = None,
    broker_url: BrokerUrl = None,
    functions: FunctionFiles = None,
    function: FunctionEntries = None,
) -> None:
    """Run asynchronous express executions from the queue; several of these processes share the work."""
    if context.invoked_subcommand is not None:
        return
    import os

    from services.cli.commands.roles import serve_role
    from services.cli.function_map import gather_targets

    serve_role("express", database_url, broker_url, targets=gather_targets(functions, function, os.environ))


@app.command()
def dead(
    requeue: Annotated[bool, typer.Option("--requeue", help="Give all of them another round of deliveries.")] = False,
    broker_url: BrokerUrl = None,
    json: Json = False,
) -> None:
    """Show the starts that were delivered too often, or whose definition could not be used."""
    import asyncio

    from services.cli.errors import CommandError
    from services.runtime.faults import BrokerUnavailable

    try:
        starts, count = asyncio.run(_dead_letters(_broker(broker_url), requeue))
    except BrokerUnavailable as fault:
        raise CommandError(f"the broker cannot be reached: {fault}") from None
    if requeue:
        print(f"{count} starts wait again")
    else:
        _show(starts, json)


@app.command("list")
def list_all(
    machine: Annotated[str, typer.Argument(metavar="NAME", help="Name or ARN of the express state machine.")],
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=100_000)] = 100,
    endpoint: Endpoint = None,
    region: Region = None,
    json: Json = False,
) -> None:
    """List executions that have ended; the server must keep them and be allowed to show them."""
    from itertools import islice

    from services.cli.client import connect
    from services.cli.resolve import machine_arn
    from services.cli.screen import duration, moment, print_json, print_table

    client = connect(endpoint, region)
    arn = machine_arn(client, machine)
    found = list(islice(client.pages("ListExecutions", "executions", stateMachineArn=arn, maxResults=1000), limit))
    if json:
        print_json(found)
        return
    rows = [
        (it["status"], moment(it["startDate"]), duration(it["startDate"], it.get("stopDate")), it["executionArn"])
        for it in found
    ]
    print_table(("STATUS", "STARTED (UTC)", "TOOK", "EXECUTION"), rows)


@app.command()
def show(
    execution: Annotated[str, typer.Argument(metavar="ARN", help="ARN of an express execution that has ended.")],
    endpoint: Endpoint = None,
    region: Region = None,
    json: Json = False,
) -> None:
    """Show one execution, state by state."""
    from services.cli.commands.executions import history

    history(execution, endpoint=endpoint, region=region, json=json)


async def _dead_letters(broker_url: str, requeue: bool) -> tuple[list[ExpressStart], int]:
    from services.express.queue import open_express_queue

    queue = open_express_queue(broker_url)
    try:
        if requeue:
            return [], await queue.requeue_dead()
        return await queue.dead(_SHOWN_MAX), 0
    finally:
        await queue.close()


def _broker(given: str | None) -> str:
    import os

    from services.cli.errors import CommandError
    from services.cli.roles import process_settings
    from services.express.queue import on_redis

    url = process_settings(os.environ, broker_url=given).broker_url
    if not url:
        raise CommandError("which broker? give --broker-url or set STEPWELL_BROKER_URL")
    if not on_redis(url):
        raise CommandError(f"dead letters are kept in Redis, and {url} is not one")
    return url


def _show(starts: list[ExpressStart], json: bool) -> None:
    from services.cli.screen import moment, print_json, print_table

    if json:
        print_json(
            [
                {
                    "executionArn": it.arn,
                    "startDate": moment(it.start_ms / 1000),
                    "deliveries": it.deliveries,
                    "reason": it.reason,
                    "input": it.input.decode("utf-8", "replace"),
                }
                for it in starts
            ]
        )
    else:
        rows = [(it.arn, moment(it.start_ms / 1000), it.reason) for it in starts]
        print_table(("EXECUTION", "STARTED (UTC)", "WHY"), rows)
