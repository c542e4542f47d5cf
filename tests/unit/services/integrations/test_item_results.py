"""What a ResultWriter writes, byte by byte."""

from __future__ import annotations

from services.integrations.items.results import ResultFiles, folder_of, manifest, transformed

DESCRIBED = {"Status": "SUCCEEDED", "Name": "n"}


def test_entries_are_files_by_status_and_only_those_with_content() -> None:
    files = ResultFiles({})
    files.ended(DESCRIBED, b"1")
    files.ended(DESCRIBED | {"Status": "ABORTED"}, None)
    assert files.contents() == {
        "FAILED_0.json": b'[{"Status":"ABORTED","Name":"n"}]',
        "SUCCEEDED_0.json": b'[{"Status":"SUCCEEDED","Name":"n"}]',
    }


def test_lines_end_with_a_newline_and_outputs_are_flattened() -> None:
    files = ResultFiles({"OutputType": "JSONL", "Transformation": "FLATTEN"})
    files.ended(DESCRIBED, b"[1,2]")
    files.pending(b'{"a":1}')
    assert files.contents() == {
        "PENDING_0.jsonl": b'{"Input":"{\\"a\\":1}","InputDetails":{"Included":true},"Status":"PENDING"}\n',
        "SUCCEEDED_0.jsonl": b"1\n2\n",
    }
    assert transformed([b"[1]", b"2"], "COMPACT") == [b"[1]", b"2"]


def test_the_manifest_names_every_kind() -> None:
    folder = folder_of({"Prefix": "p/"}, "run")
    assert manifest("b", "arn", [(f"{folder}/FAILED_0.json", 3)]) == (
        b'{"DestinationBucket":"b","MapRunArn":"arn","ResultFiles":{"FAILED":[{"Key":"p/run/FAILED_0.json","Size":3}],'
        b'"PENDING":[],"SUCCEEDED":[]}}'
    )
    assert folder_of({}, "run") == "run"
