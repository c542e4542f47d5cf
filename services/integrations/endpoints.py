"""Where calls to AWS services go: the operator's `AWS_ENDPOINT_URL[_SERVICE]`, else AWS. Definitions cannot choose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_AWS_HOST: Final = re.compile(r"(^|\.)(amazonaws\.com(\.cn|\.eu)?|api\.aws|api\.amazonwebservices\.com\.cn|on\.aws)$")
_NOT_NAME: Final = re.compile(r"[^A-Z0-9]+")


class Endpoints:
    """The operator's choice of endpoints, read once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the `AWS_ENDPOINT_URL...` variables of the environment; nothing else is looked at."""
        self._default = environment.get("AWS_ENDPOINT_URL") or None
        prefix = "AWS_ENDPOINT_URL_"
        self._own = {name[len(prefix) :]: url for name, url in environment.items() if name.startswith(prefix) and url}

    def of_service(self, botocore_name: str, service_id: str = "") -> str | None:
        """The URL for a service, or None for AWS's own endpoint."""
        return self.own(botocore_name, service_id) or self._default

    def own(self, botocore_name: str, service_id: str = "") -> str | None:
        """The URL that names this very service, without the general one."""
        for name in (service_id, botocore_name):
            url = self._own.get(_NOT_NAME.sub("_", name.upper()))
            if url:
                return url
        return None


def is_aws(url: str | None) -> bool:
    """Whether calls to this endpoint reach the real AWS; None means AWS's own endpoint."""
    if url is None:
        return True
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return bool(_AWS_HOST.search(host))
