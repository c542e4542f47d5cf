"""`connections create|update|delete|list`: how the servers of HTTP tasks are told who calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.cli.options import DEFAULT_DATA, DatabaseUrl, Json

if TYPE_CHECKING:
    from services.integrations.connections import Connections

T = TypeVar("T")

Name = Annotated[str, typer.Argument(help="Name of the connection.")]
Which = Annotated[str, typer.Argument(help="Name or ARN of the connection.")]
Description = Annotated[
    str,
    typer.Argument(
        help='@FILE, - for standard input, or JSON: {"AuthorizationType": ..., "AuthParameters": ...}, '
        "as for EventBridge's CreateConnection."
    ),
]
Data = Annotated[Path, typer.Option(help="Data folder of the `stepwell up` that uses them.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the key that seals secrets; else STEPWELL_MASTER_KEY_FILE, else that of the data folder.",
        show_default=False,
    ),
]
Region = Annotated[str, typer.Option(help="AWS region in the ARN.")]
Account = Annotated[str, typer.Option(help="AWS account in the ARN.")]

app = typer.Typer(help="Manage the connections of HTTP tasks; their secrets are kept sealed.", no_args_is_help=True)


@app.command()
def create(
    name: Name,
    description: Description,
    region: Region = "us-east-1",
    account: Account = "000000000000",
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key_file: KeyFile = None,
) -> None:
    """Make a connection and print the ARN that definitions name."""
    described = _described(description)
    record = _with(data, database_url, master_key_file, lambda it: it.create(region, account, name, described))
    print(record.arn)


@app.command()
def update(
    connection: Which,
    description: Description,
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key_file: KeyFile = None,
) -> None:
    """Replace what a connection says; tasks use it from their next call."""
    described = _described(description)

    async def act(connections: Connections) -> str:
        return (await connections.update(await _arn(connections, connection), described)).arn

    print(f"updated {_with(data, database_url, master_key_file, act)}")


@app.command()
def delete(
    connection: Which, data: Data = DEFAULT_DATA, database_url: DatabaseUrl = None, master_key_file: KeyFile = None
) -> None:
    """Forget a connection; tasks that name it fail from now on."""

    async def act(connections: Connections) -> str:
        arn = await _arn(connections, connection)
        await connections.delete(arn)
        return arn

    print(f"deleted {_with(data, database_url, master_key_file, act)}")


@app.command("list")
def list_all(
    data: Data = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    master_key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """List the connections, without their secrets."""
    from services.cli.screen import moment, print_json, print_table

    found = _with(data, database_url, master_key_file, lambda connections: connections.listed())
    if json:
        print_json(
            [
                {"name": it.name, "authorizationType": it.kind, "arn": it.arn, "changed": moment(it.changed_ms / 1000)}
                for it in found
            ]
        )
    else:
        rows = [(it.name, it.kind, moment(it.changed_ms / 1000), it.arn) for it in found]
        print_table(("NAME", "AUTHORIZATION", "CHANGED (UTC)", "ARN"), rows)


def _described(given: str) -> dict[str, object]:
    from engine.payload import decode_json
    from services.cli.errors import CommandError
    from services.cli.resolve import input_text

    value = decode_json(input_text(given))
    if not isinstance(value, dict):
        raise CommandError("the description must be a JSON object")
    return value


async def _arn(connections: Connections, name: str) -> str:
    from services.cli.errors import CommandError

    found = [it.arn for it in await connections.listed() if name in (it.arn, it.name)]
    if not found:
        raise CommandError(f"there is no connection {name!r}; `stepwell connections list` shows those that are")
    if len(found) > 1:
        raise CommandError(f"{name!r} is the name of several connections; give the ARN of one: {', '.join(found)}")
    return found[0]


def _with(data: Path, database_url: str | None, key_file: Path | None, act: Callable[[Connections], Awaitable[T]]) -> T:
    """Open the connections of a database, do something with them, and close them; problems become one line."""
    import asyncio
    import os

    from services.cli.errors import CommandError
    from services.integrations.assembly import make_connections
    from services.integrations.connections import ConnectionRefused
    from services.integrations.settings import IntegrationSettings
    from services.runtime.clock import SystemClock
    from services.runtime.faults import StoreUnavailable
    from services.runtime.ids import SystemIds
    from services.runtime.settings import SettingError, read_settings
    from services.store.http_connections import PostgresConnections

    async def run() -> T:
        store = PostgresConnections(_database(data, database_url))
        try:
            settings = read_settings(
                IntegrationSettings, os.environ, master_key_file=_key_file(data, database_url, key_file)
            )
            connections = make_connections(settings, store, SystemClock(), SystemIds())
            if connections is None:
                raise CommandError(
                    "secrets are sealed by a key: give --master-key-file or set STEPWELL_MASTER_KEY_FILE"
                )
            return await act(connections)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except (ConnectionRefused, SettingError) as error:
        raise CommandError(str(error)) from None
    except StoreUnavailable as fault:
        raise CommandError(f"the database cannot be reached: {fault}") from None


def _database(data: Path, database_url: str | None) -> str:
    import os

    from services.cli.errors import CommandError
    from services.runtime.settings import ProcessSettings, read_settings
    from services.store.embedded import running_url

    url = read_settings(ProcessSettings, os.environ, database_url=database_url).database_url or running_url(data)
    if url is None:
        raise CommandError(
            f"no `stepwell up` runs on the data folder {data}; name another with --data, or a database with "
            "--database-url"
        )
    return url


def _key_file(data: Path, database_url: str | None, given: Path | None) -> str | None:
    """The file that was named; else the one in the folder of the embedded database; None leaves it to the variable."""
    import os

    from services.integrations.sealing import MASTER_KEY_VARIABLE, key_file_in

    if given is not None:
        return str(given)
    own = key_file_in(data)
    named = database_url or "STEPWELL_DATABASE_URL" in os.environ or MASTER_KEY_VARIABLE in os.environ
    return None if named or not own.exists() else str(own)
