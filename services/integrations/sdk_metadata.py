"""SdkHttpMetadata and SdkResponseMetadata, which the results of most optimised integrations carry."""

from __future__ import annotations

from typing import Any

from services.integrations.aws_sender import Headers


def sdk_metadata(status: int, headers: Headers, request_id: str) -> dict[str, Any]:
    """Both members. HttpHeaders shows the last of each header's values, in order of name."""
    everything: dict[str, list[str]] = {}
    for name, value in headers:
        everything.setdefault(name, []).append(value)
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": everything,
            "HttpHeaders": {name: everything[name][-1] for name in sorted(everything, key=str.lower)},
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


def with_metadata(result: dict[str, Any], status: int, headers: Headers, request_id: str) -> dict[str, Any]:
    """The result with both members at their alphabetical place."""
    joined = {**result, **sdk_metadata(status, headers, request_id)}
    return {name: joined[name] for name in sorted(joined)}
