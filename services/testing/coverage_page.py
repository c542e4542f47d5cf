"""The coverage report as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from services.testing.coverage import KINDS, TITLES, Coverage, Point, Share, total_share
from services.testing.coverage_report import Place

_STYLE: Final = """
:root { color-scheme: light dark; --ok: #1a7f4b; --no: #c2373b; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; } table + table { margin-top: 1rem; }
th { text-align: left; font-weight: 600; }
td, th { padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.no td { background: color-mix(in srgb, var(--no) 12%, transparent); }
tr.state td { background: var(--soft); font-weight: 600; } tr.state.no td { color: var(--no); }
td.place { font: 12px ui-monospace, monospace; opacity: .7; white-space: nowrap; }
meter { width: 10rem; height: .8rem; } .mark { color: var(--ok); } .no .mark { color: var(--no); }
""".strip()


def as_html(coverages: Sequence[Coverage], place: Place) -> str:
    """The whole page; what no case reached is marked by colour and by a word."""
    total = total_share(coverages)
    body = "\n".join(line for coverage in coverages for line in _machine(coverage, place))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Coverage {total.percent:g} %</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        f"<h1>Coverage of state machines: {total.percent:g} %</h1>\n"
        f"<p>{total.covered} of {total.total} states, transitions, Choice rules, catchers and retriers were reached."
        f"</p>\n{body}\n</body>\n</html>\n"
    )


def _machine(coverage: Coverage, place: Place) -> Iterator[str]:
    yield f"<h2>{escape(coverage.machine)}</h2>"
    yield "<table>"
    for kind in KINDS:
        share = coverage.share(kind)
        if share.total:
            yield f"<tr><th>{TITLES[kind]}</th>{_bar(share)}</tr>"
    yield f"<tr><th>all</th>{_bar(coverage.share())}</tr>"
    yield "</table>"
    yield '<table>\n<tr><th>State</th><th>Point</th><th class="n">Hits</th><th>Where</th></tr>'
    for _, points in groupby(coverage.points, key=lambda point: point.state):
        for point in points:
            yield _row(coverage, point, place)
    yield "</table>"


def _bar(share: Share) -> str:
    meter = f'<meter min="0" max="{max(1, share.total)}" value="{share.covered}"></meter>'
    return f'<td>{meter}</td><td class="n">{share.covered} of {share.total}</td><td class="n">{share.percent:g} %</td>'


def _row(coverage: Coverage, point: Point, place: Place) -> str:
    hits = coverage.hits(point)
    classes = " ".join(filter(None, ("state" if point.kind == "state" else "", "" if hits else "no")))
    row = f'<tr class="{classes}">' if classes else "<tr>"
    first = escape(point.state) if point.kind == "state" else ""
    second = "" if point.kind == "state" else f"{point.kind} {escape(point.text)}"
    mark = str(hits) if hits else "not reached"
    return (
        f'{row}<td>{first}</td><td>{second}</td><td class="n mark">{mark}</td>'
        f'<td class="place">{escape(place(coverage, point))}</td></tr>'
    )
