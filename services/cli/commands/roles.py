"""`api`, `scheduler`, `worker` and `migrate`: one role in one process, for more than one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.options import BrokerUrl, DatabaseUrl, FunctionEntries, FunctionFiles

if TYPE_CHECKING:
    import socket


def api(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 8083,
    database_url: DatabaseUrl = None,
    broker_url: BrokerUrl = None,
    functions: FunctionFiles = None,
    function: FunctionEntries = None,
) -> None:
    """Answer the AWS wire protocol; functions are for StartSyncExecution and TestState, which run here."""
    import os

    from services.cli.function_map import gather_targets
    from services.cli.roles import listen

    targets = gather_targets(functions, function, os.environ)
    serve_role("api", database_url, broker_url, listener=listen(port), port=port, targets=targets)


def scheduler(database_url: DatabaseUrl = None, broker_url: BrokerUrl = None) -> None:
    """Advance executions; several of them share the work."""
    serve_role("scheduler", database_url, broker_url)


def worker(
    database_url: DatabaseUrl = None,
    broker_url: BrokerUrl = None,
    functions: FunctionFiles = None,
    function: FunctionEntries = None,
) -> None:
    """Run the attempts of tasks; needs the broker, and a database only for the connections of HTTP tasks."""
    import os

    from services.cli.function_map import gather_targets

    serve_role("worker", database_url, broker_url, targets=gather_targets(functions, function, os.environ))


def migrate(database_url: DatabaseUrl = None) -> None:
    """Create or upgrade the tables of a database."""
    import asyncio
    import os

    from services.cli.errors import CommandError
    from services.cli.roles import process_settings

    url = process_settings(os.environ, database_url=database_url).database_url
    if not url:
        raise CommandError("which database? give --database-url or set STEPWELL_DATABASE_URL")
    done = asyncio.run(upgrade_or_refuse(url))
    print("the database was upgraded" if done else "the database is up to date")


async def upgrade_or_refuse(url: str) -> bool:
    """Upgrade a database; whether there was anything to do."""
    import asyncpg

    from services.cli.errors import CommandError
    from services.store.migrate import SchemaError, upgrade

    try:
        return await upgrade(url)
    except SchemaError as error:
        raise CommandError(str(error)) from None
    except (OSError, asyncpg.PostgresError) as error:
        raise CommandError(f"the database cannot be used: {error}") from None


def serve_role(
    role: str,
    database_url: str | None,
    broker_url: str | None,
    listener: socket.socket | None = None,
    **more: Any,
) -> None:
    """Run one role until a signal comes."""
    import os

    from services.cli import roles
    from services.cli.errors import CommandError

    process = roles.process_settings(os.environ, database_url=database_url, broker_url=broker_url)
    if role != "worker" and not process.database_url:
        raise CommandError("which database? give --database-url or set STEPWELL_DATABASE_URL")
    if not process.broker_url:
        raise CommandError("which broker? give --broker-url or set STEPWELL_BROKER_URL")

    def on_ready() -> None:
        print(f"stepwell {role} is ready", flush=True)

    options = roles.Options(roles=frozenset({role}), process=process, environment=os.environ, on_ready=on_ready, **more)
    raise SystemExit(roles.serve(options, listener))
