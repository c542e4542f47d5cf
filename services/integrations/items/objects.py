"""S3 as distributed Maps use it: whole objects and listings, as the state machine's role sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from services.integrations.failures import ApiRefused, NoCredentials, TooLarge, Unreachable

if TYPE_CHECKING:
    from services.integrations.aws import Aws

OBJECT_BYTES_MAX: Final = 256 * 2**20


class ObjectError(Exception):
    """An object cannot be read or written; the message says why."""


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose behalf: the execution's role and place."""

    role_arn: str
    account: str
    region: str


class ItemObjects(Protocol):
    """Reads and writes objects. Every method raises `ObjectError`."""

    async def get(self, owner: Owner, parameters: Mapping[str, Any]) -> bytes:
        """The content of one object; `parameters` are GetObject's."""
        ...

    def listing(self, owner: Owner, parameters: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The objects below a prefix, all pages of them; `parameters` are ListObjectsV2's."""
        ...

    async def put(self, owner: Owner, bucket: str, key: str, content: bytes) -> None:
        """Write one object."""
        ...


class S3Objects:
    """`ItemObjects` on S3."""

    def __init__(self, aws: Aws) -> None:
        """Use this way to AWS."""
        self._aws = aws

    async def get(self, owner: Owner, parameters: Mapping[str, Any]) -> bytes:
        """The content of one object."""
        body = (await self._request(owner, "GetObject", parameters)).get("Body", b"")
        return bytes(body if isinstance(body, bytes) else body.read())

    async def listing(self, owner: Owner, parameters: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The objects below a prefix, page after page."""
        token: dict[str, Any] = {}
        while True:
            answer = await self._request(owner, "ListObjectsV2", {**parameters, **token})
            for found in answer.get("Contents", ()):
                yield {
                    "Etag": found.get("ETag"),
                    "Key": found.get("Key"),
                    "LastModified": found["LastModified"].timestamp(),
                    "Size": found.get("Size"),
                    "StorageClass": found.get("StorageClass"),
                }
            if not answer.get("IsTruncated"):
                return
            token = {"ContinuationToken": answer.get("NextContinuationToken")}

    async def put(self, owner: Owner, bucket: str, key: str, content: bytes) -> None:
        """Write one object."""
        await self._request(owner, "PutObject", {"Bucket": bucket, "Key": key, "Body": content})

    async def _request(self, owner: Owner, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = await self._aws.request_as(
                owner.role_arn, owner.account, owner.region, "s3", operation, dict(parameters),
                bytes_max=OBJECT_BYTES_MAX,
            )  # fmt: skip
        except (ApiRefused, NoCredentials, TooLarge, Unreachable) as error:
            raise ObjectError(str(error)) from error
        return answer.parsed
