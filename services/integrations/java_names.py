"""How the AWS SDK for Java 2 spells names; Step Functions shows that spelling in parameters, results and errors.

Source: recorded names (`DbInstanceIdentifier`, `ETag`, `ChecksumCRC32`, `describeDBInstances`,
`NoSuchBucketException`); the same rules make all 230 documented service prefixes that botocore knows.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])")
_ACRONYM = re.compile(r"([A-Z]+)([A-Z][a-z])")
_NUMBER = re.compile(r"([0-9])([a-zA-Z])")


def action_name(operation: str) -> str:
    """The action of an operation: `DescribeDBInstances` is `describeDBInstances`, `AWSThing` is `awsThing`."""
    return _lower_first_word(operation)


@lru_cache(maxsize=16384)
def member_name(member: str) -> str:
    """The member as Step Functions shows it: `DBName` is `DbName`, `ETag` stays, `executionArn` is `ExecutionArn`."""
    return raised(_lower_first_word(member))


def raised(name: str) -> str:
    """The name with its first letter in upper case; all that optimised integrations change."""
    return name[:1].upper() + name[1:]


def pascal(name: str) -> str:
    """Words joined with one capital each: `DBInstanceNotFound` is `DbInstanceNotFound`."""
    return "".join(word[:1].upper() + word[1:].lower() for word in _words(name))


def sdk_exception(shape: str) -> str:
    """The exception of the SDK for Java 2 for an error shape; `Fault` gives way to `Exception`."""
    if shape.endswith("Fault"):
        return pascal(shape[: -len("Fault")]) + "Exception"
    return pascal(shape) if shape.endswith("Exception") else pascal(shape) + "Exception"


def optimised_exception(shape: str) -> str:
    """The exception of the SDK for Java 1, which optimised integrations use: the shape, ending in `Exception`."""
    shape = raised(shape.removesuffix("Fault"))
    return shape if shape.endswith("Exception") else shape + "Exception"


def _lower_first_word(name: str) -> str:
    """Lower the first letter and the rest of a leading acronym, but not the letter that begins the next word."""
    end = 1
    while end < len(name) and name[end].isupper() and not (end < len(name) - 1 and name[end + 1].islower()):
        end += 1
    return name[:end].lower() + name[end:]


def _words(name: str) -> list[str]:
    spaced = _CAMEL.sub(" ", _NOT_WORD.sub(" ", name))
    return _NUMBER.sub(r"\1 \2", _ACRONYM.sub(r"\1 \2", spaced)).split()
