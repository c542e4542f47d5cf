"""Checks of what a state machine is configured with: role, logging, tracing, encryption, tags.

Source: reference of the API, section 8; of quotas, sections 6 and 10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api import errors
from services.api.context import Context
from services.api.contract import broken
from services.api.request import Request

TAGS_MAX: Final = 50
DEFAULT_KEY_SECONDS: Final = 300
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\x21-\x7e]{1,512}", re.ASCII)
_LOG_GROUP: Final = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[^:]{1,512}(:\*)?", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+")
_KEY_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)", re.ASCII
)
_TAG_PATTERN: Final = r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
_TAG_TEXT: Final = re.compile(r"[\w .:/=+\-@\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*")
_LOGGED_NAME: Final = re.compile(r"[0-9A-Za-z._-]+")


def check_role(arn: str) -> None:
    """Refuse what is not the ARN of a role.

    Raises:
        ApiError: InvalidArn.
    """
    if _ROLE_ARN.fullmatch(arn) is None:
        raise errors.invalid_role_arn(arn)


async def read_logging(
    context: Context, machine_name: str, role_arn: str, given: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """A loggingConfiguration as it is kept and shown; None when none is given.

    Raises:
        ApiError: InvalidLoggingConfiguration.
    """
    if given is None:
        return None
    level = given.get("level") or "OFF"
    kept = {"level": level, "includeExecutionData": bool(given.get("includeExecutionData"))}
    destinations = given.get("destinations")
    if level != "OFF" or destinations:
        await _check_destinations(context, role_arn, destinations or [])
        if level != "OFF" and _LOGGED_NAME.fullmatch(machine_name) is None:
            raise errors.invalid_logging("State machine name must match [0-9A-Za-z._-]+ when logging is enabled.")
    if destinations is not None:
        kept["destinations"] = destinations
    return kept


async def _check_destinations(context: Context, role_arn: str, destinations: Sequence[Mapping[str, Any]]) -> None:
    if len(destinations) != 1:
        raise errors.invalid_logging("Must specify exactly one Log Destination.")
    arn = (destinations[0].get("cloudWatchLogsLogGroup") or {}).get("logGroupArn")
    if not arn or not arn.startswith("arn:"):
        raise errors.invalid_logging("Must set valid CloudWatch Log Group ARN.")
    match = _LOG_GROUP.fullmatch(arn)
    if match is None:
        raise errors.invalid_logging("Provided ARN is not CloudWatch Logs Log Group ARN.")
    if match.group(1) is None:
        raise errors.invalid_logging("Log Group ARN must be provided with '*' qualifier.")
    if context.log_groups is not None and not await context.log_groups.exists(arn, role_arn):
        raise errors.invalid_logging("Log Destination not found.")


def read_tracing(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A tracingConfiguration as it is kept and shown; None when none is given."""
    return None if given is None else {"enabled": bool(given.get("enabled"))}


def same_logging(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two loggingConfigurations say the same; none says what the defaults say."""
    return _plain_logging(one) == _plain_logging(other)


def _plain_logging(kept: Mapping[str, Any] | None) -> tuple[Any, ...]:
    logging = kept or {}
    return logging.get("level", "OFF"), logging.get("includeExecutionData", False), logging.get("destinations") or []


def same_tracing(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """The same for two tracingConfigurations."""
    return bool((one or {}).get("enabled")) == bool((other or {}).get("enabled"))


def read_encryption(context: Context, request: Request, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An encryptionConfiguration as it is kept and shown; None for the service's own key, given or not.

    Raises:
        ApiError: InvalidEncryptionConfiguration.
    """
    if given is None:
        return None
    key, period = given.get("kmsKeyId"), given.get("kmsDataKeyReusePeriodSeconds")
    if given["type"] == "AWS_OWNED_KEY":
        if key is not None:
            raise errors.invalid_encryption("Custom kmsKeyId is not allowed when selecting AWS_OWNED_KEY.")
        if period is not None:
            text = "Custom kmsDataKeyReusePeriodSeconds is not allowed when selecting AWS_OWNED_KEY."
            raise errors.invalid_encryption(text)
        return None
    if key is None:
        raise errors.invalid_encryption("Must set a valid kmsKeyId.")
    return {
        "type": "CUSTOMER_MANAGED_KMS_KEY",
        "kmsKeyId": _key_arn(context, request, key),
        "kmsDataKeyReusePeriodSeconds": period or DEFAULT_KEY_SECONDS,
    }


def _key_arn(context: Context, request: Request, key: str) -> str:
    """The four ways to name a key (id, alias, and the ARN of either) as an ARN.

    Raises:
        ApiError: InvalidEncryptionConfiguration, no key can be called so, or one of another region is.
    """
    if _KEY.fullmatch(key):
        resource = key if key.startswith("alias/") else f"key/{key}"
        return f"arn:aws:kms:{request.region}:{request.account}:{resource}"
    match = _KEY_ARN.fullmatch(key)
    if match is None:
        raise errors.invalid_encryption("Must set a valid kmsKeyId.")
    if match.group(1) != request.region:
        raise errors.refused_by_kms(f"Invalid arn {match.group(1)}", str(context.ids.uuid()))
    return key


def _check_characters(text: str, path: str) -> None:
    if _TAG_TEXT.fullmatch(text) is None:
        raise errors.shape([broken(text, path, f"Member must satisfy regular expression pattern: {_TAG_PATTERN}")])


def read_tags(given: Sequence[Mapping[str, str]] | None, arn: str) -> dict[str, str]:
    """A list of tags by key; of one key twice the last counts.

    Raises:
        ApiError: TooManyTags, ValidationException.
    """
    tags = {tag["key"]: tag.get("value") or "" for tag in given or () if tag.get("key")}
    for number, tag in enumerate(given or (), 1):
        _check_characters(tag.get("key") or "", f"tags.{number}.member.key")
        _check_characters(tag.get("value") or "", f"tags.{number}.member.value")
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.validation("aws: prefixed tag key names are not allowed for external use.")
    if len(tags) > TAGS_MAX:
        raise errors.too_many_tags(arn)
    return tags
