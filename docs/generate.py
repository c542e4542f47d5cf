"""Write the pages under `docs/reference/` from the code that they describe: settings, metrics, commands, the language.

`python -m docs.generate` writes them; `--check` only says whether they are up to date (a tidy test does the same).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docs.integration_pages import integration_pages

HERE = Path(__file__).parent / "reference"
_MADE_UP = frozenset({"STEPWELL_NODE"})  # new in every process, whatever the environment says
_SETTINGS = """Settings are environment variables, read once, at start. A wrong value stops the start with its name.
A name that several roles have is one setting for all of them.
"""
_NOTE = "<!-- Written by `make docs`; change the code that it describes instead. -->\n\n"


def main() -> None:
    """Write what is out of date; exit code 1 with `--check` if anything is."""
    late = [name for name, text in pages().items() if not _same(HERE / name, text)]
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(late)}; run `make docs`" if late else 0)
    for name in late:
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(pages()[name], "utf-8")
        sys.stdout.write(f"wrote docs/reference/{name}\n")


def pages() -> dict[str, str]:
    """All generated pages by file name."""
    return {
        "settings.md": _NOTE + settings_page(),
        "metrics.md": _NOTE + metrics_page(),
        "commands.md": _NOTE + commands_page(),
        "states-language.md": _NOTE + language_page(),
        **{name: _NOTE + text for name, text in integration_pages().items()},
    }


def settings_page() -> str:
    """Every environment variable, by role."""
    from services.api.settings import ApiSettings
    from services.execution_logs.settings import LogSettings
    from services.express.settings import ExpressSettings
    from services.integrations.settings import IntegrationSettings
    from services.runtime.settings import ProcessSettings, document
    from services.scheduler.settings import SchedulerSettings
    from services.worker.settings import WorkerSettings

    parts = [
        "# Settings\n",
        _SETTINGS,
    ]
    roles = {
        "Every process": ProcessSettings,
        "api": ApiSettings,
        "scheduler": SchedulerSettings,
        "worker": WorkerSettings,
        "express": ExpressSettings,
        "Logs of executions": LogSettings,
        "Every process that runs tasks": IntegrationSettings,
    }
    for title, kind in roles.items():
        lines = [it for it in document(kind) if it.variable not in _MADE_UP]
        rows = [(f"`{it.variable}`", f"`{shown(it.default)}`", it.text) for it in lines]
        parts.append(f"## {title}\n\n{table(('variable', 'default', 'what it does'), rows)}")
    return "\n".join(parts)


def shown(value: Any) -> str:
    """A default value as one would write it into the variable."""
    text = value.decode() if isinstance(value, bytes) else str(value)
    return text or '""'


def metrics_page() -> str:
    """Every metric with its type and meaning."""
    from services.broker.traffic import Traffic
    from services.runtime import metrics

    sources: dict[str, Iterable[Any]] = {
        "API": metrics.ApiMetrics().families(),
        "Scheduler": [
            *metrics.SchedulerMetrics().families(),
            *metrics.residents(lambda: 0).families(),
            *metrics.shards_owned(lambda: 0).families(),
            *metrics.StatusEventMetrics().families(),
        ],
        "Worker": metrics.WorkerMetrics().families(),
        "Express": metrics.ExpressMetrics().families(),
        "Logs of executions": metrics.LogMetrics().families(),
        "Broker": metrics.BrokerMetrics(Traffic()).families(),
    }
    parts = [
        "# Metrics\n",
        "At `/metrics`, for Prometheus. Times are in seconds; no label carries an ARN, a name or an id.\n",
    ]
    for title, families in sources.items():
        rows = [
            (f"`{it.name}{'_total' if it.type == 'counter' else ''}`", it.type, it.documentation) for it in families
        ]
        parts.append(f"## {title}\n\n{table(('metric', 'type', 'what it counts'), rows)}")
    return "\n".join(parts)


def commands_page() -> str:
    """Every command with its options."""
    from typer.main import get_command

    from services.cli.main import app

    group: Any = get_command(app)
    parts = ["# Commands\n", "`stepwell COMMAND --help` says the same.\n"]
    for name, command in _commands_of(group, "stepwell"):
        parts.append(f"## {name}\n\n{command.help}\n")
        rows = [_parameter_row(it) for it in command.params if it.name != "help"]
        if rows:
            parts.append(table(("argument or option", "what it does"), rows))
    return "\n".join(parts)


def _commands_of(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The commands of a group, each followed by its own ones."""
    for name, command in group.commands.items():
        yield f"{prefix} {name}", command
        if hasattr(command, "commands"):
            yield from _commands_of(command, f"{prefix} {name}")


def _parameter_row(parameter: Any) -> tuple[str, str]:
    written = ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name.upper()
    return f"`{written}`", parameter.help or ""


def language_page() -> str:
    """Every field of the states language."""
    from engine.asl.reference_page import reference_page

    return reference_page()


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    heads = list(titles)
    lines = [heads, ["---"] * len(heads), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    main()
