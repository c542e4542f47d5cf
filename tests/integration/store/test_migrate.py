"""The schema: from nothing to the newest, once."""

from __future__ import annotations

import asyncio
import re

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import migrations
from services.runtime.clock import SystemClock
from services.runtime.faults import StoreUnavailable
from services.store.migrate import SchemaError, newest_revision, upgrade
from services.store.postgres import open_store
from tests.fixtures.postgres import Databases

pytestmark = pytest.mark.asyncio


async def test_an_empty_database_is_brought_to_the_newest_schema_once(postgres_server: Databases) -> None:
    url = await postgres_server.create("template0")
    assert await upgrade(url, shards=4) is True
    assert await upgrade(url, shards=4) is False
    await postgres_server.drop(url)


async def test_shards_become_more_but_not_fewer(postgres_server: Databases) -> None:
    url = await postgres_server.create()
    connection = await asyncpg.connect(url)
    for wanted, expected in ((16, 16), (20, 20), (4, 20)):
        await upgrade(url, shards=wanted)
        assert await connection.fetchval("SELECT count(*) FROM shards") == expected
    await connection.close()
    await postgres_server.drop(url)


async def test_two_that_upgrade_at_once_do_it_once(postgres_server: Databases) -> None:
    url = await postgres_server.create("template0")
    await asyncio.gather(upgrade(url), upgrade(url))
    assert await upgrade(url) is False
    await postgres_server.drop(url)


async def test_a_database_from_the_future_is_refused(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(SchemaError, match="9999"):
        await upgrade(database_url)


async def test_a_database_without_our_tables_is_not_opened(postgres_server: Databases) -> None:
    url = await postgres_server.create("template0")
    with pytest.raises(StoreUnavailable, match="stepwell migrate"):
        await open_store(url, SystemClock())
    await postgres_server.drop(url)
    with pytest.raises(StoreUnavailable, match="does not exist"):
        await open_store(url, SystemClock())


async def test_revisions_are_one_line_and_their_files_begin_with_their_number() -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [newest_revision()]
    for script in scripts.walk_revisions():
        assert re.match(rf"{script.revision}_\w+\.py$", script.path.rpartition("/")[2])
