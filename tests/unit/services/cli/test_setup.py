"""`env`, `profile` and `doctor` say what AWS clients need."""

from __future__ import annotations

import configparser
from pathlib import Path

import botocore.session
import pytest

from services.cli.client import Client, Target
from services.cli.client_checks import WRONG_NAMES, check_clients
from services.cli.commands.setup import client_variables, profile_text
from services.cli.doctor import examine
from services.runtime.clock import SystemClock


def test_the_variables_reach_the_server_for_step_functions_alone() -> None:
    variables = client_variables("http://127.0.0.1:9", "eu-west-1")
    assert variables["AWS_ENDPOINT_URL_SFN"] == "http://127.0.0.1:9"
    assert "AWS_ENDPOINT_URL" not in variables
    assert variables["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"


def test_the_profile_names_its_services_section() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(profile_text("local", "http://127.0.0.1:9", "eu-west-1").replace("\n  ", "\n"))
    assert parser["profile local"]["services"] == "local"
    assert parser["services local"]["endpoint_url"] == "http://127.0.0.1:9"


def findings(environment: dict[str, str], config: Path = Path("no-such-file")) -> dict[str, str]:
    """Levels by check, for a server that is not there; `sync-` hosts are known to nobody."""
    found = check_clients("http://127.0.0.1:9", environment, config, lambda host: not host.startswith("sync-"))
    return {it.check: it.level for it in found}


def test_a_server_that_does_not_answer_is_found() -> None:
    target = Target.of_environment("http://127.0.0.1:9", "us-east-1", {})
    levels = {it.check: it.level for it in examine(Client(target, SystemClock(), 1.0), {})}
    assert levels["server"] == "broken"


def test_an_endpoint_variable_that_leads_elsewhere_is_noted() -> None:
    assert findings({"AWS_ENDPOINT_URL_SFN": "http://elsewhere"})["AWS clients"] == "note"
    assert findings({"AWS_ENDPOINT_URL_SFN": "http://127.0.0.1:9"})["AWS clients"] == "ok"
    ignored = {"AWS_ENDPOINT_URL_SFN": "http://127.0.0.1:9", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    assert findings(ignored)["AWS clients"] == "note"


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_variable_that_no_client_reads_is_found(name: str) -> None:
    (first, *_) = check_clients("http://127.0.0.1:9", {name: "http://127.0.0.1:9"}, Path("no-such-file"))
    assert (first.level, name in first.finding, "the real AWS" in first.finding) == ("broken", True, True)
    assert first.advice == f"unset {name}; export AWS_ENDPOINT_URL_SFN=http://127.0.0.1:9"


def test_botocore_reads_the_variable_that_env_sets_and_not_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the finding says is so."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STEPFUNCTIONS", "http://127.0.0.1:9")
    assert "amazonaws.com" in _botocore_endpoint()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
    assert _botocore_endpoint() == "http://127.0.0.1:9"


def _botocore_endpoint() -> str:
    client = botocore.session.Session().create_client(
        "stepfunctions", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    return str(client.meta.endpoint_url)


def test_the_same_mistake_in_the_config_file_is_found(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile x]\nservices = x\n\n[services x]\nstepfunctions =\n  endpoint_url = http://127.0.0.1:9\n"
    )
    assert findings({}, config)["AWS config file"] == "broken"
    config.write_text(profile_text("x", "http://127.0.0.1:9", "us-east-1"))
    assert "AWS config file" not in findings({}, config)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "api.localhost"])
def test_a_host_that_cannot_have_a_prefix_is_noted(host: str) -> None:
    assert findings({"AWS_ENDPOINT_URL": f"http://{host}:9"})["host prefix"] == "note"
    off = {"AWS_ENDPOINT_URL": f"http://{host}:9", "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}
    assert "host prefix" not in findings(off)
