"""`up`: the whole server in one process, with a Postgres of its own unless another is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import DEFAULT_DATA, BrokerUrl, DatabaseUrl, FunctionEntries, FunctionFiles

if TYPE_CHECKING:
    from services.store.embedded import EmbeddedPostgres


def up(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 for any that is free.", min=0, max=65535)] = 8083,
    data: Annotated[Path, typer.Option(help="Folder of the embedded Postgres; kept between runs.")] = DEFAULT_DATA,
    database_url: DatabaseUrl = None,
    broker_url: BrokerUrl = None,
    functions: FunctionFiles = None,
    function: FunctionEntries = None,
) -> None:
    """Start the server: API, scheduler and worker in one process, on 127.0.0.1 alone."""
    import os
    import time

    from services.cli import roles
    from services.cli.function_map import gather_targets

    begun = time.perf_counter()
    process = roles.process_settings(os.environ, database_url=database_url, broker_url=broker_url)
    targets = gather_targets(functions, function, os.environ)
    listener = roles.listen(port)
    port = listener.getsockname()[1]
    postgres = None if process.database_url else _launch(data)
    try:
        _load()
        url = process.database_url or _wait(postgres)
        _prepare(url, sole_owner=postgres is not None)

        def on_ready() -> None:
            _greet(port, data if postgres is not None else None, time.perf_counter() - begun)

        options = roles.Options(
            roles=frozenset({"api", "scheduler", "worker", "express"}),
            process=roles.process_settings(os.environ, database_url=url, broker_url=broker_url),
            port=port,
            targets=targets,
            environment=os.environ if postgres is None else _with_master_key(data, os.environ),
            on_ready=on_ready,
        )
        code = roles.serve(options, listener)
    finally:
        if postgres is not None:
            postgres.stop()
    raise SystemExit(code)


def _launch(data: Path) -> EmbeddedPostgres:
    """Begin to start Postgres."""
    from services.cli.errors import CommandError
    from services.store.embedded import EmbeddedPostgres, EmbeddedPostgresError

    postgres = EmbeddedPostgres(data)
    try:
        postgres.launch()
    except EmbeddedPostgresError as error:
        raise CommandError(str(error)) from None
    return postgres


def _load() -> None:
    """Load our own code, which takes as long as Postgres does to start."""
    import services.api.app
    import services.scheduler.scheduler
    import services.store.postgres  # noqa: F401


def _wait(postgres: EmbeddedPostgres | None) -> str:
    from services.cli.errors import CommandError
    from services.store.embedded import EmbeddedPostgresError

    assert postgres is not None
    try:
        return postgres.wait_ready()
    except EmbeddedPostgresError as error:
        raise CommandError(str(error)) from None


def _with_master_key(data: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Let the data folder have a master key of its own, unless another is named."""
    from services.integrations.sealing import MASTER_KEY_VARIABLE, key_file_in, make_master_key
    from services.runtime.ids import SystemIds

    if MASTER_KEY_VARIABLE in environment:
        return environment
    make_master_key(key_file_in(data), SystemIds())
    return {**environment, MASTER_KEY_VARIABLE: str(key_file_in(data))}


def _prepare(url: str, *, sole_owner: bool) -> None:
    """Bring the tables up to date; shards that a killed process held are free at once if nobody else can hold any."""
    import asyncio

    from services.cli.commands.roles import upgrade_or_refuse
    from services.store.sole_owner import free_everything

    async def prepare() -> None:
        await upgrade_or_refuse(url)
        if sole_owner:
            await free_everything(url)

    asyncio.run(prepare())


def _greet(port: int, data: Path | None, seconds: float) -> None:
    endpoint = f"http://127.0.0.1:{port}"
    option = "" if port == 8083 else f" --endpoint {endpoint}"
    print(f"stepwell is ready on {endpoint} after {seconds:.1f} s")
    print(f"  data       {data.absolute()}" if data is not None else "  data       in the database that was named")
    print(f'  AWS tools  eval "$(stepwell env{option})"; aws stepfunctions list-state-machines')
    print(f"  own tools  stepwell run FILE{option} --input JSON; stepwell list{option}; stepwell --help")
    print("  stop       Ctrl-C", flush=True)
