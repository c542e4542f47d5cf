"""The figures as a table."""

from __future__ import annotations

from typing import Any

_COLUMNS = (
    ("case", "case"),
    ("executions", "n"),
    ("executions_per_s", "exec/s"),
    ("transitions_per_s", "trans/s"),
    ("accepted_per_s", "starts/s"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
)


def print_report(results: dict[str, Any]) -> None:
    """Print everything that was measured."""
    print(f"\n{results['layout']} on {results['machine']}, {results['measured']}")
    rows = [[title for _, title in _COLUMNS] + ["CPU us per execution, MiB resident"]]
    for case, figures in results["cases"].items():
        cells = [case if key == "case" else _cell(figures.get(key)) for key, _ in _COLUMNS]
        rows.append([*cells, _rest(figures)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        fixed = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=False))
        print(f"{fixed}  {row[-1]}")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _rest(figures: dict[str, Any]) -> str:
    parts = []
    if "cpu_us_per_execution" in figures:
        parts.append(" ".join(f"{group}={value:,.0f}" for group, value in figures["cpu_us_per_execution"].items()))
    if "rss_mib" in figures:
        parts.append(" ".join(f"{group}={value}M" for group, value in figures["rss_mib"].items()))
    if "seconds" in figures and "executions" not in figures:
        parts.append(f"{figures['seconds']} s")
    return "; ".join(parts)
