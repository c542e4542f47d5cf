"""The front door of the `stepwell` command.

Every command lives in `services/cli/commands/`; here they only get their names. What a command needs is imported
when it runs, so that `stepwell --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from services.cli.commands import (
    bulk,
    connections,
    definitions,
    executions,
    express,
    functions,
    imports,
    integrations,
    machines,
    roles,
    setup,
    testing,
    up,
)

app = typer.Typer(
    name="stepwell",
    help="AWS Step Functions that you run yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"stepwell {version('stepwell')}")
        except PackageNotFoundError:
            print("stepwell, running from its source")
        raise typer.Exit


@app.callback()
def stepwell(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """AWS Step Functions that you run yourself."""


_SERVER = "Server"
_WORKFLOWS = "Workflows (talk to a running server)"
_OFFLINE = "Definitions (need no server)"
_SETUP = "Set-up"

_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    _SERVER: {
        "up": up.up,
        "api": roles.api,
        "scheduler": roles.scheduler,
        "worker": roles.worker,
        "migrate": roles.migrate,
    },
    _WORKFLOWS: {
        "deploy": machines.deploy,
        "import": imports.import_,
        "list": machines.list_all,
        "start": executions.start,
        "run": executions.run,
        "history": executions.history,
        "stop": executions.stop,
    },
    _OFFLINE: {
        "validate": definitions.validate,
        "graph": definitions.graph,
        "schema": definitions.schema,
        "test": testing.test,
    },
    _SETUP: {
        "env": setup.env,
        "profile": setup.profile,
        "doctor": setup.doctor,
        "functions": functions.functions,
    },
}
for _panel, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_command)
app.add_typer(express.app, name="express", rich_help_panel=_SERVER)
app.add_typer(bulk.app, name="bulk", rich_help_panel=_WORKFLOWS)
app.add_typer(integrations.app, name="integrations", rich_help_panel=_OFFLINE)
app.add_typer(connections.app, name="connections", rich_help_panel=_SETUP)


def main() -> None:
    """Run the command line; errors of the server and of the network become one line and exit code 2."""
    from services.cli.errors import CommandError, Unreachable

    try:
        app()
    except Unreachable as error:
        _say(f"{error}; start one with `stepwell up`")
    except CommandError as error:
        _say(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _say(f"{error.filename}: {error.strerror}")


def _say(text: str) -> None:
    print(f"stepwell: {text}", file=sys.stderr)
    sys.exit(2)
