"""Coverage reports as text and as JSON; `coverage_page` has the one for browsers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from services.testing.coverage import KINDS, TITLES, Coverage, Point, Share, total_share

Place: TypeAlias = Callable[[Coverage, Point], str]
"""Says where a point is written: `order.asl.json:12`."""


def as_text(coverages: Sequence[Coverage], place: Place) -> str:
    """For a terminal: the shares, then what is missing, a line each."""
    lines = []
    for coverage in coverages:
        lines.append(f"coverage of {coverage.machine}")
        for kind in KINDS:
            share = coverage.share(kind)
            if share.total:
                lines.append(f"  {TITLES[kind]:<13}{_counts(share)}")
        lines.append(f"  {'all':<13}{_counts(coverage.share())}")
        for point in coverage.missing:
            subject = f"{point.state}: " if point.kind != "state" else ""
            lines.append(f"{place(coverage, point)}: not reached: {point.kind} {subject}{point.text}")
    if len(coverages) > 1:
        lines.append(f"coverage in all: {_counts(total_share(coverages)).strip()}")
    return "\n".join(lines) + "\n"


def as_json(coverages: Sequence[Coverage], place: Place) -> dict[str, Any]:
    """For programs."""
    machines = [
        {
            "machine": coverage.machine,
            **_share(coverage.share()),
            "kinds": {kind: _share(coverage.share(kind)) for kind in KINDS},
            "points": [_point(coverage, point, place) for point in coverage.points],
        }
        for coverage in coverages
    ]
    return {**_share(total_share(coverages)), "machines": machines}


def _counts(share: Share) -> str:
    return f"{share.covered:>4} of {share.total:<4} {share.percent:5.1f} %"


def _share(share: Share) -> dict[str, Any]:
    return {"covered": share.covered, "total": share.total, "percent": share.percent}


def _point(coverage: Coverage, point: Point, place: Place) -> dict[str, Any]:
    return {
        "kind": point.kind,
        "state": point.state,
        "text": point.text,
        "place": place(coverage, point),
        "hits": coverage.hits(point),
    }
