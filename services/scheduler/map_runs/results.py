"""Writes what a run's ResultWriter wants: one entry per child, and the manifest at last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.execution.execution import Status
from engine.payload import decode_json, encode_json
from engine.timestamps import iso_from_ms
from services.integrations.items.objects import ObjectError, Owner
from services.integrations.items.results import ResultFiles, folder_of, manifest
from services.scheduler.map_runs.inputs import ChildInputs
from services.scheduler.map_runs.world import World
from services.store.description import arn_of, machine_of, redrive_members
from services.store.map_run_records import MapRun
from services.store.records import StoredExecution

_AT_ONCE: Final = 500
_INCLUDED: Final = {"Included": True}
_NO_WAY: Final = "this scheduler has no way to S3"


async def try_writing(world: World, run: MapRun, writer: Mapping[str, Any], owner: Owner) -> str | None:
    """Write an empty manifest before anything is done; why that is not possible, None if it is."""
    if world.objects is None:
        return _NO_WAY
    bucket, key = _place(run, writer)
    try:
        await world.objects.put(owner, bucket, key, manifest(bucket, run.arn, ()))
    except ObjectError as error:
        return str(error)
    return None


async def write_results(
    world: World, run: MapRun, writer: Mapping[str, Any], owner: Owner, inputs: ChildInputs
) -> tuple[str | None, str | None]:
    """Write the files of an attempt whose children have ended.

    Successes that files of earlier attempts hold are not written again; the manifest names those files too.

    Args:
        world: the store and the way to S3.
        run: the run.
        writer: evaluated: `config` and `parameters`.
        owner: who writes.
        inputs: of the children that never started, among others.

    Returns:
        What went wrong, None if nothing; what is to be remembered with the run, None if nothing was written.
    """
    if world.objects is None:
        return _NO_WAY, None
    before = _Written.of_text(run.results)
    found = await _files(world, run, writer, inputs, before.attempts)
    bucket, manifest_key = _place(run, writer)
    folder = manifest_key.rpartition("/")[0]
    contents = found.contents(*(("SUCCEEDED",) if before.files else ()))
    files = [(f"{folder}/{name}", len(content)) for name, content in contents.items()]
    try:
        for (key, _), content in zip(files, contents.values(), strict=True):
            await world.objects.put(owner, bucket, key, content)
        await world.objects.put(owner, bucket, manifest_key, manifest(bucket, run.arn, [*before.files, *files]))
    except ObjectError as error:
        return str(error), None
    good = [file for file in files if file[0].startswith(f"{folder}/SUCCEEDED")]
    return None, _Written(run.redrive_count + 1, [*before.files, *good]).text


@dataclass(frozen=True, slots=True)
class _Written:
    """What is written: the successes of so many attempts, in these files (key and size)."""

    attempts: int
    files: list[tuple[str, int]]

    @property
    def text(self) -> str:
        return encode_json([self.attempts, self.files]).decode()

    @classmethod
    def of_text(cls, text: str | None) -> _Written:
        attempts, files = (0, []) if text is None else decode_json(text.encode())
        return cls(attempts, [(key, size) for key, size in files])


async def _files(
    world: World, run: MapRun, writer: Mapping[str, Any], inputs: ChildInputs, attempts_written: int
) -> ResultFiles:
    files = ResultFiles(writer["config"])
    after = -1
    while rows := await world.store.map_children(run, after, _AT_ONCE):
        for row in rows:
            assert row.map_child is not None
            after = row.map_child.index
            if row.status is not Status.SUCCEEDED:
                files.ended(entry_of(row), None)
            elif row.map_child.attempt >= attempts_written:
                files.ended(entry_of(row), row.output)
    async for one in inputs.all_from(after + 1):
        files.pending(one.given)
    return files


def _place(run: MapRun, writer: Mapping[str, Any]) -> tuple[str, str]:
    """Bucket and key of the manifest."""
    parameters = writer["parameters"]
    folder = folder_of(parameters, str(run.id), run.redrive_count)
    return str(parameters.get("Bucket", "")), f"{folder}/manifest.json"


def written_where(run: MapRun, writer: Mapping[str, Any]) -> dict[str, Any]:
    """The state's result when its results were written."""
    key = _place(run, writer)[1]
    return {"MapRunArn": run.arn, "ResultWriterDetails": {"Bucket": writer["parameters"].get("Bucket"), "Key": key}}


def entry_of(row: StoredExecution) -> dict[str, Any]:
    """A child in a result file: its members in the order of the service's files."""
    arn = arn_of(row)
    entry: dict[str, Any] = {"ExecutionArn": str(arn), "Input": _text(row.input), "InputDetails": _INCLUDED}
    reason = f"Execution is {row.status.name} and cannot be redriven" if row.status is Status.SUCCEEDED else None
    redrive = {name[0].upper() + name[1:]: value for name, value in redrive_members(row, reason).items()}
    if arn.kind == "express":
        redrive = {}  # files leave out what DescribeExecution shows of them (recorded)
    if row.status is Status.SUCCEEDED and row.output is not None:
        entry |= {"Name": row.name, "Output": _text(row.output), "OutputDetails": _INCLUDED}
    else:
        wrong = {"Cause": row.cause, "Error": row.error, "Name": row.name}
        entry |= {name: value for name, value in wrong.items() if value is not None}
    entry["RedriveCount"] = row.redrive_count
    if row.redrive_ms is not None:
        entry["RedriveDate"] = iso_from_ms(row.redrive_ms)
    entry |= {**redrive, "StartDate": iso_from_ms(row.start_ms)}
    entry |= {"StateMachineArn": str(machine_of(arn)), "Status": row.status.name}
    if row.stop_ms is not None:
        entry["StopDate"] = iso_from_ms(row.stop_ms)
    return entry


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace")
