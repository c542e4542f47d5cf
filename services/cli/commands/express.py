"""`express`: run asynchronous express executions; `express dead` shows and requeues those that were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import BrokerUrl, DatabaseUrl, FunctionEntries, FunctionFiles, Json

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
