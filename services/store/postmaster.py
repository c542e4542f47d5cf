"""What `postmaster.pid` says about a data folder, and whether it is true."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class PostmasterFile:
    """What `postmaster.pid` says: who serves the folder, where, and whether it is ready."""

    pid: int
    socket_dir: str
    status: str


def read_postmaster_file(cluster: Path) -> PostmasterFile | None:
    """The folder's file; None if there is none, or if it is being written."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return PostmasterFile(int(lines[0]), lines[4], lines[7].strip() if len(lines) > 7 else "starting")
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_alive(pid: int) -> bool:
    """Whether there is a process of that id; a zombie counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def serves(pid: int, cluster: Path) -> bool:
    """Whether that process is a living postmaster of the folder: not a zombie, not a stranger with a recycled id."""
    if not is_alive(pid):
        return False
    if not Path("/proc/self/cwd").exists():
        found = read_postmaster_file(cluster)
        return found is not None and found.pid == pid and accepts(found.socket_dir, cluster)
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", cluster)
    except OSError:
        return False


def accepts(socket_dir: str, cluster: Path) -> bool:
    """Whether somebody listens on the folder's socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(cluster / socket_dir / SOCKET_NAME))
        except OSError:
            return False
    return True
