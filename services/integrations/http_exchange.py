"""An HTTP task's request and response as TestState shows them at level TRACE: every member is text.

Source: developer guide, testing of HTTP tasks.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from services.integrations.outside import OutsideAnswer, Pairs


def shown_request(method: str, url: str, headers: Pairs, body: bytes | None) -> dict[str, str]:
    """`inspectionData.request`."""
    shown = {"protocol": urlsplit(url).scheme, "method": method, "url": url, "headers": _headers(headers)}
    return shown if body is None else {**shown, "body": body.decode("utf-8", "replace")}


def shown_response(url: str, answer: OutsideAnswer) -> dict[str, str]:
    """`inspectionData.response`."""
    return {
        "protocol": urlsplit(url).scheme,
        "statusCode": str(answer.status),
        "statusMessage": answer.reason,
        "headers": _headers(answer.headers),
        "body": answer.body.decode("utf-8", "replace"),
    }


def _headers(pairs: Pairs) -> str:
    return f"[{', '.join(f'{name}: {value}' for name, value in pairs)}]"
