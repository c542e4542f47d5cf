"""Print constraints.txt: everything that the project's requirements pull in here, pinned to what is installed."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement


def main() -> None:
    """Walk from the requirements in pyproject.toml through the installed packages."""
    project = tomllib.loads(Path("pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    wanted += project["build-system"]["requires"]
    print("# Every package that `make` installs, pinned. `make lock` writes it from what is in .venv.")
    for name, version in sorted(_closure([Requirement(line) for line in wanted]).items()):
        print(f"{name}=={version}")


def _closure(waiting: list[Requirement]) -> dict[str, str]:
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(wanted.name)
        except PackageNotFoundError:
            sys.exit(f"{wanted} is not installed")
        if not wanted.specifier.contains(found.version, prereleases=True):
            sys.exit(f"{wanted} is not met by {found.version}")
        versions[name] = found.version
        inner = [Requirement(line) for line in found.requires or []]
        waiting += [it for it in inner if it.marker is None or _applies(it, wanted.extras)]
    return versions


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    assert requirement.marker is not None
    environment = {str(key): str(value) for key, value in default_environment().items()}
    return any(requirement.marker.evaluate({**environment, "extra": extra}) for extra in ["", *extras])


if __name__ == "__main__":
    main()
