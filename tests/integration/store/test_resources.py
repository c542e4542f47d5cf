"""State machines, revisions, versions, aliases, tags, activities."""

from __future__ import annotations

import asyncio

import pytest

from services.store.postgres import PostgresStore
from services.store.records import Activity, Alias
from tests.integration.store.samples import (
    ACCOUNT,
    IDS,
    NOW_MS,
    REGION,
    execution,
    machine,
    revision_after,
    written_machine,
)

pytestmark = pytest.mark.asyncio

ROUTES = ((1, 90), (2, 10))


def alias(machine_id: object, name: str = "live", created_ms: int = NOW_MS, routes: object = ((1, 100),)) -> Alias:
    return Alias(
        machine_id=machine_id,  # type: ignore[arg-type]
        name=name,
        description="d",
        routes=routes,  # type: ignore[arg-type]
        created_ms=created_ms,
        updated_ms=created_ms,
    )


def activity(name: str = "Pack") -> Activity:
    return Activity(id=IDS.uuid(), account=ACCOUNT, region=REGION, name=name, created_ms=NOW_MS, encryption={"t": "K"})


class TestMachines:
    async def test_a_machine_is_read_as_it_was_written(self, store: PostgresStore) -> None:
        new = machine()
        logging = {"level": "ALL", "destinations": [{"a": 1}]}
        first = revision_after(new.revision, number=0, logging=logging, tracing={"enabled": True})
        new = machine(id=first.machine_id, revision=first)
        assert await store.create_machine(new, {"team": "x"}) is None
        assert await store.machine_by_name(ACCOUNT, REGION, "Order") == new
        assert await store.machine_by_id(new.id) == new
        assert await store.revision(first.id) == first
        assert await store.tags(new.id) == {"team": "x"}

    async def test_a_name_that_is_taken_answers_with_its_holder(self, store: PostgresStore) -> None:
        first = await written_machine(store)
        assert await store.create_machine(machine(), {"a": "b"}) == first
        assert await store.create_machine(machine(region="us-east-1"), {}) is None
        assert await store.create_machine(machine(account="111122223333"), {}) is None

    async def test_of_many_creations_at_once_one_wins(self, store: PostgresStore) -> None:
        answers = await asyncio.gather(*(store.create_machine(machine(), {}) for _ in range(5)))
        assert [answer is None for answer in answers].count(True) == 1
        assert len({answer.id for answer in answers if answer is not None}) == 1

    async def test_a_version_is_written_with_its_machine(self, store: PostgresStore) -> None:
        new = machine()
        answers = await asyncio.gather(*(store.create_machine(new, {}, "first") for _ in range(3)))
        assert [answer is None for answer in answers].count(True) == 1
        version = await store.version(new.id, 1)
        assert version is not None
        assert (version.description, version.revision_id, version.created_ms) == ("first", new.revision.id, NOW_MS)
        assert await store.list_versions(new.id, None, 9) == [version]

    async def test_an_update_follows_the_current_revision_or_is_refused(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        second = revision_after(of.revision, definition="{}")
        assert await store.update_machine(second) is True
        assert await store.update_machine(revision_after(of.revision)) is False
        now = await store.machine_by_id(of.id)
        assert now is not None
        assert now.revision == second
        assert await store.revision(of.revision.id) == of.revision

    async def test_of_many_updates_at_once_one_wins(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        done = await asyncio.gather(*(store.update_machine(revision_after(of.revision)) for _ in range(5)))
        assert sorted(done) == [False] * 4 + [True]

    async def test_lists_go_by_name_without_definitions(self, store: PostgresStore) -> None:
        for name in ("c", "B", "a"):
            await written_machine(store, name)
        listed = await store.list_machines(ACCOUNT, REGION, None, 2)
        assert [(one.name, one.revision.definition) for one in listed] == [("B", ""), ("a", "")]
        assert [one.name for one in await store.list_machines(ACCOUNT, REGION, "a", 2)] == ["c"]
        assert await store.list_machines(ACCOUNT, "us-east-1", None, 2) == []

    async def test_an_unknown_revision_is_a_key_error(self, store: PostgresStore) -> None:
        with pytest.raises(KeyError):
            await store.revision(IDS.uuid())


class TestDeletion:
    async def test_a_deleted_machine_is_described_but_not_listed_and_keeps_its_name(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        await store.create_alias(alias(of.id))
        await store.put_tags(of.id, {"a": "b"}, 50)
        assert await store.delete_machine(of.id, NOW_MS) is True
        assert await store.delete_machine(of.id, NOW_MS) is False
        found = await store.machine_by_name(ACCOUNT, REGION, "Order")
        assert found is not None
        assert found.status == "DELETING"
        assert await store.list_machines(ACCOUNT, REGION, None, 10) == []
        assert (await store.list_versions(of.id, None, 10), await store.list_aliases(of.id, None, 10)) == ([], [])
        assert await store.tags(of.id) == {}
        holder = await store.create_machine(machine(), {})
        assert holder is not None
        assert holder.id == of.id

    async def test_it_is_gone_when_no_execution_runs(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        busy = await written_machine(store, "Busy")
        await store.admit([execution(busy)])
        for one in (of, busy):
            await store.delete_machine(one.id, NOW_MS)
        assert await store.finish_deletions(NOW_MS) == 0
        assert await store.finish_deletions(NOW_MS + 1) == 1
        assert await store.machine_by_name(ACCOUNT, REGION, "Order") is None
        assert await store.machine_by_name(ACCOUNT, REGION, "Busy") is not None
        gone = await store.machine_by_id(of.id)
        assert gone is not None
        assert gone.status == "DELETED"

    async def test_a_deleted_machine_takes_no_update_and_no_version(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.delete_machine(of.id, NOW_MS)
        assert await store.update_machine(revision_after(of.revision)) is False
        assert await store.publish_version(of.id, of.revision.id, "", NOW_MS) is None


class TestVersions:
    async def test_publishing_a_revision_twice_gives_one_version(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        first = await store.publish_version(of.id, of.revision.id, "first", NOW_MS)
        assert first is not None
        assert (first.number, first.revision_number, first.description) == (1, 0, "first")
        assert await store.publish_version(of.id, of.revision.id, "again", NOW_MS + 1) == first

    async def test_a_number_is_never_used_twice(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        numbers = []
        for _ in range(3):
            published = await store.publish_version(of.id, of.revision.id, "", NOW_MS)
            assert published is not None
            numbers.append(published.number)
            assert await store.delete_version(of.id, published.number) == []
        assert numbers == [1, 2, 3]
        assert await store.version(of.id, 3) is None

    async def test_only_the_current_revision_is_published(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        second = revision_after(of.revision)
        await store.update_machine(second)
        assert await store.publish_version(of.id, of.revision.id, "", NOW_MS) is None
        published = await store.publish_version(of.id, second.id, "", NOW_MS)
        assert published is not None
        assert (published.revision_id, published.revision_number) == (second.id, 1)

    async def test_lists_are_newest_first(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        revision = of.revision
        for _ in range(3):
            await store.publish_version(of.id, revision.id, "", NOW_MS)
            revision = revision_after(revision)
            await store.update_machine(revision)
        assert [one.number for one in await store.list_versions(of.id, None, 2)] == [3, 2]
        assert [one.number for one in await store.list_versions(of.id, 2, 2)] == [1]

    async def test_a_version_that_an_alias_routes_to_stays(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        await store.create_alias(alias(of.id, "b"))
        await store.create_alias(alias(of.id, "a", NOW_MS + 1))
        assert await store.delete_version(of.id, 1) == ["b", "a"]
        assert await store.version(of.id, 1) is not None


class TestAliases:
    async def test_an_alias_is_read_as_it_was_written(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        assert await store.create_alias(alias(of.id)) is None
        assert await store.alias(of.id, "live") == alias(of.id)
        assert await store.create_alias(alias(of.id, created_ms=NOW_MS + 5)) == alias(of.id)

    async def test_an_alias_cannot_route_to_a_version_that_is_not_there(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        with pytest.raises(KeyError):
            await store.create_alias(alias(of.id, routes=ROUTES))
        await store.create_alias(alias(of.id))
        with pytest.raises(KeyError):
            await store.update_alias(of.id, "live", NOW_MS, routes=ROUTES)
        assert await store.alias(of.id, "live") == alias(of.id)

    async def test_an_update_changes_what_is_given(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        await store.create_alias(alias(of.id))
        changed = await store.update_alias(of.id, "live", NOW_MS + 9, description="")
        assert changed is not None
        assert (changed.description, changed.routes, changed.updated_ms) == ("", ((1, 100),), NOW_MS + 9)
        same = await store.update_alias(of.id, "live", NOW_MS + 20, description="", routes=changed.routes)
        assert same == changed
        assert await store.update_alias(of.id, "other", NOW_MS) is None

    async def test_lists_are_oldest_first_and_may_ask_for_a_version(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        for name, created_ms in (("b", 1), ("a", 1), ("c", 0)):
            await store.create_alias(alias(of.id, name, created_ms))
        assert [one.name for one in await store.list_aliases(of.id, None, 2)] == ["c", "a"]
        assert [one.name for one in await store.list_aliases(of.id, (1, "a"), 2)] == ["b"]
        assert len(await store.list_aliases(of.id, None, 9, version_number=1)) == 3
        assert await store.list_aliases(of.id, None, 9, version_number=2) == []

    async def test_deleting_says_whether_it_was_there(self, store: PostgresStore) -> None:
        of = await written_machine(store)
        await store.publish_version(of.id, of.revision.id, "", NOW_MS)
        await store.create_alias(alias(of.id))
        assert await store.delete_alias(of.id, "live") is True
        assert await store.delete_alias(of.id, "live") is False


class TestTags:
    async def test_tags_are_added_replaced_and_removed(self, store: PostgresStore) -> None:
        resource = IDS.uuid()
        assert await store.put_tags(resource, {"a": "1", "b": ""}, 50) is True
        assert await store.put_tags(resource, {"a": "2"}, 50) is True
        await store.remove_tags(resource, ["b", "unknown"])
        assert await store.tags(resource) == {"a": "2"}

    async def test_the_limit_counts_keys_and_refuses_all_or_nothing(self, store: PostgresStore) -> None:
        resource = IDS.uuid()
        assert await store.put_tags(resource, {"a": "1", "b": "1"}, 2) is True
        assert await store.put_tags(resource, {"a": "2", "c": "1"}, 2) is False
        assert await store.put_tags(resource, {"a": "3", "b": "3"}, 2) is True
        assert await store.tags(resource) == {"a": "3", "b": "3"}

    async def test_two_at_once_keep_the_limit_together(self, store: PostgresStore) -> None:
        resource = IDS.uuid()
        done = await asyncio.gather(*(store.put_tags(resource, {key: ""}, 2) for key in "abcd"))
        assert sorted(done) == [False, False, True, True]


class TestActivities:
    async def test_activities_that_do_not_exist_are_told(self, store: PostgresStore) -> None:
        await store.create_activity(activity("There"), {})
        prefix = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:"
        found = await store.missing_activities([f"{prefix}There", f"{prefix}Gone"])
        assert found == {f"{prefix}Gone"}

    async def test_an_activity_is_read_as_it_was_written(self, store: PostgresStore) -> None:
        new = activity()
        assert await store.create_activity(new, {"a": "b"}) is None
        assert await store.create_activity(activity(), {}) == new
        assert await store.activity_by_name(ACCOUNT, REGION, "Pack") == new
        assert await store.tags(new.id) == {"a": "b"}

    async def test_lists_go_by_name(self, store: PostgresStore) -> None:
        for name in "cab":
            await store.create_activity(activity(name), {})
        assert [one.name for one in await store.list_activities(ACCOUNT, REGION, None, 2)] == ["a", "b"]
        assert [one.name for one in await store.list_activities(ACCOUNT, REGION, "b", 2)] == ["c"]

    async def test_deleting_takes_the_tags_along(self, store: PostgresStore) -> None:
        new = activity()
        await store.create_activity(new, {"a": "b"})
        assert await store.delete_activity(new.id) is True
        assert await store.delete_activity(new.id) is False
        assert await store.tags(new.id) == {}
        assert await store.activity_by_name(ACCOUNT, REGION, "Pack") is None
