"""Every operation of AWS's model is called end to end."""

from __future__ import annotations

import re
from pathlib import Path

from botocore import xform_name

from services.api.contract import load_model
from tests.tidy.repository import read, tracked_files

END_TO_END = Path("tests/e2e")


def test_every_operation_is_called_through_boto3_in_some_end_to_end_test() -> None:
    files = [path for path in tracked_files() if path.is_relative_to(END_TO_END) and path.suffix == ".py"]
    called = set(re.findall(r"\.([a-z_]+)\b", "".join(map(read, files))))
    operations = [xform_name(name) for name in load_model().operation_names]
    assert len(operations) == 37
    assert [name for name in operations if name not in called] == []
