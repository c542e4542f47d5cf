"""Checks what belongs to Task alone: the resource, its parameters, credentials, and what Express may not do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.asl.model import Resource
from engine.asl.resource import REQUIRED_PARAMETERS, KnownAction, KnownApi, ResourceError, parse_resource
from engine.asl.site import Site
from engine.asl.templates import check_jsonata_text, check_template
from engine.asl.values import expect


def check_task(state: dict[str, Any], site: Site, known_api: KnownApi | None) -> None:
    """Check Resource, Parameters or Arguments against it, and Credentials."""
    resource = None
    if "Resource" in state:
        resource = _check_resource(state["Resource"], site.at("Resource"), known_api)
    if resource is not None:
        _check_express(resource, site.at("Resource"))
        _check_parameters(resource, state, site, known_api)
    if "Credentials" in state:
        _check_credentials(state["Credentials"], resource, site.at("Credentials"))


def _check_resource(value: Any, site: Site, known_api: KnownApi | None) -> Resource | None:
    if not isinstance(value, str):
        expect("STRING", site)
        return None
    try:
        return parse_resource(value, known_api)
    except ResourceError as error:
        site.error(str(error))
        return None


def _check_express(resource: Resource, site: Site) -> None:
    if not site.express:
        return
    if resource.kind == "activity":
        site.error("Express state machine does not support Activity ARN")
    elif resource.pattern == "wait_for_task_token":
        # The service prints a blank at the end of this one (recorded).
        site.error("Express state machine does not support '.waitForTaskToken' service integration ")
    elif resource.pattern != "request_response":
        site.error("Express state machine does not support '.sync' service integration")


def _check_parameters(resource: Resource, state: dict[str, Any], site: Site, known_api: KnownApi | None) -> None:
    if resource.kind != "service":
        return
    field = "Parameters" if site.language == "JSONPath" else "Arguments"
    if field not in state:
        site.at("Resource").error(f"{field} field is required for resource ARN: {resource.arn}")
        return
    given = state[field]
    if not isinstance(given, dict):
        return
    known = None if known_api is None else known_api(resource.service, resource.api_action)
    for name in _required(resource, known):
        if name not in given and (site.language == "JSONata" or f"{name}.$" not in given):
            site.at(field).error(f"The field '{name}' is required but was missing")
    if known is not None:
        for name in known.unsupported(given, resource.pattern, paths=site.language == "JSONPath"):
            site.at(field).error(f'The field "{name}" is not supported by Step Functions')


def _required(resource: Resource, known: KnownAction | None) -> Sequence[str]:
    measured = REQUIRED_PARAMETERS.get(f"{resource.service}:{resource.api_action}")
    if measured is not None:
        return measured
    return () if known is None else known.required


def _check_credentials(value: Any, resource: Resource | None, site: Site) -> None:
    if resource is not None and resource.kind == "activity":
        site.error("The field 'Credentials' is not supported for activities")
    if site.language == "JSONata" and isinstance(value, str):
        check_jsonata_text(value, site)
    elif not isinstance(value, dict):
        expect("OBJECT", site)
    else:
        if "RoleArn" not in value and (site.language == "JSONata" or "RoleArn.$" not in value):
            site.error("The field 'RoleArn' is required but was missing")
        check_template(value, site)
