"""`env`, `profile` and `doctor` say what AWS clients need."""

from __future__ import annotations

import configparser

from services.cli.client import Client, Target
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


def findings(environment: dict[str, str]) -> dict[str, str]:
    """Levels by check, for a server that is not there."""
    target = Target.of_environment("http://127.0.0.1:9", "us-east-1", environment)
    return {it.check: it.level for it in examine(Client(target, SystemClock(), 1.0), environment)}


def test_a_server_that_does_not_answer_is_found() -> None:
    assert findings({})["server"] == "broken"


def test_an_endpoint_variable_that_leads_elsewhere_is_noted() -> None:
    assert findings({"AWS_ENDPOINT_URL_SFN": "http://elsewhere"})["AWS clients"] == "note"
    assert findings({"AWS_ENDPOINT_URL_SFN": "http://127.0.0.1:9"})["AWS clients"] == "ok"
    ignored = {"AWS_ENDPOINT_URL_SFN": "http://127.0.0.1:9", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    assert findings(ignored)["AWS clients"] == "note"


def test_a_numeric_host_with_the_host_prefix_is_noted() -> None:
    assert findings({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})["host prefix"] == "note"
    off = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}
    assert "host prefix" not in findings(off)
