"""The pages under `docs/reference/integrations/`: one for each optimised service, made from its table."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, Final

from services.integrations.catalogue import OptimisedAction, optimised_actions
from services.integrations.models import service_model
from services.integrations.optimised import Job
from services.integrations.registry import TABLE
from services.integrations.sdk_services import SDK_SERVICES

_MODULES: Final = {
    "elasticmapreduce": "emr",
    "emr-containers": "emr_containers",
    "emr-serverless": "emr_serverless",
    "http": "http_task",
    "lambda": "lambda_function",
    "states": "nested_executions",
}
_WAYS: Final = {
    "request_response": "call",
    "sync": "`.sync`",
    "sync:2": "`.sync:2`",
    "wait_for_task_token": "`.waitForTaskToken`",
}
_INDEX: Final = """# What tasks can call

A Task names what it calls as `arn:aws:states:::SERVICE:ACTION`, with `.sync`, `.sync:2` or `.waitForTaskToken` behind
it where the action has that way to wait. Every action of every AWS service is there as
`arn:aws:states:::aws-sdk:SERVICE:ACTION` as well. `stepwell integrations list` shows the same with the endpoints of
your environment, and `stepwell integrations check FILE` what a definition needs.

Where calls go, and with which keys: [run without AWS](../../guides/without-aws.md),
[call the real AWS](../../guides/real-aws.md).
"""


def integration_pages() -> dict[str, str]:
    """All pages by file name."""
    actions: dict[str, list[OptimisedAction]] = {}
    for action in optimised_actions():
        actions.setdefault(action.service, []).append(action)
    found = {f"integrations/{service}.md": _page(service, rows) for service, rows in actions.items()}
    return {"integrations/README.md": _index(actions), **found}


def _index(actions: dict[str, list[OptimisedAction]]) -> str:
    from docs.generate import table

    rows = [
        (f"[{service}]({service}.md)", _first_sentence(service), ", ".join(f"`{one.action}`" for one in found))
        for service, found in actions.items()
    ]
    services = ", ".join(f"`{name}`" for name in SDK_SERVICES)
    parts = [_INDEX, f"## Optimised\n\n{table(('service', 'what it is', 'actions'), rows)}"]
    parts.append(
        f"## aws-sdk\n\n{len(SDK_SERVICES)} services, every action that Step Functions can call: {services}.\n"
    )
    return "\n".join(parts)


def _page(service: str, actions: list[OptimisedAction]) -> str:
    from docs.generate import table

    parts = [f"# {service}\n", f"{_text(service)}\n"]
    rows = [
        (f"`{one.action}`", ", ".join(_WAYS[pattern] for pattern in sorted(one.patterns, key=list(_WAYS).index)),
         ", ".join(f"`{name}`" for name in one.required))
        for one in actions
    ]  # fmt: skip
    parts.append(f"## Actions\n\n{table(('action', 'ways', 'required parameters'), rows)}")
    jobs = list(_jobs(service))
    if jobs:
        titles = ("action", "is looked at with", "every", "is stopped with")
        parts.append(f"## How `.sync` waits\n\n{table(titles, jobs)}")
    parts.append(_errors_and_endpoint(service))
    return "\n".join(parts)


def _jobs(service: str) -> Iterator[tuple[str, str, str, str]]:
    described = TABLE[service].service
    for name, action in sorted(described.actions.items() if described is not None else ()):
        job: Job | None = action.job
        if job is not None:
            shortest, longest = job.poll_seconds
            cancel = f"`{job.cancel[0]}`" if job.cancel is not None else "nothing: it runs on, as in AWS"
            yield f"`{name}`", f"`{job.describe}`", f"{shortest:g} s to {longest:g} s", cancel


def _errors_and_endpoint(service: str) -> str:
    described = TABLE[service].service
    names: Any = described.names if described is not None else getattr(_module(service), "NAMES", None)
    lines = []
    if names is not None:
        lines.append(
            f"Errors of the API are named `{names.prefix}.<Exception>`, or `{names.prefix}.{names.base_exception}`."
        )
    if described is not None:
        variable = str(service_model(described.botocore).service_id).upper().replace(" ", "_")
        lines.append(f"Calls go to `AWS_ENDPOINT_URL_{variable}`, else to `AWS_ENDPOINT_URL`, else to AWS.")
    return ("## Errors and endpoint\n\n" + "\n".join(lines) + "\n") if lines else ""


def _module(service: str) -> Any:
    return importlib.import_module(f"services.integrations.{_MODULES.get(service, service)}")


def _text(service: str) -> str:
    return inspect.cleandoc(_module(service).__doc__ or "")


def _first_sentence(service: str) -> str:
    return _text(service).partition(":")[0].partition("\n")[0].rstrip(".")
