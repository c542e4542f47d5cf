"""Signature Version 4: who asks, for which region, and (where keys are known) whether the signature is right.

`credential_of` only reads the credential scope, from the Authorization header or a presigned query. `verify` checks
the signature of the header form with a key table handed in; signing keys are kept, bounded, per key, day and region.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from services.api import errors

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "states"
CLOCK_SKEW_SECONDS: Final = 300
SIGNING_KEYS_MAX: Final = 4_096
CREDENTIALS_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential scope of a request: `<access key>/<date>/<region>/states/aws4_request`."""

    access_key: str
    date: str
    region: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers. `headers` maps lower-case names to values, several joined by commas."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def parse_scope(text: str) -> Credential:
    """Read a credential scope.

    Raises:
        ApiError: IncompleteSignatureException, it is not one.
    """
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not all(parts) or parts[4] != "aws4_request":
        raise errors.incomplete_signature("Credential must have five slash-delimited elements")
    region = parts[2]
    if len(region) > 32 or not region.replace("-", "").isalnum() or not region.isascii():
        raise errors.incomplete_signature("Credential should be scoped to a valid region")
    return Credential(parts[0], parts[1], region)


class Credentials:
    """Reads who asks, and remembers the headers' constant parts: a client sends the same scope all day."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._seen: dict[bytes, Credential] = {}

    def of(self, authorization: bytes | None, query: bytes) -> Credential | None:
        """The credential of a request; None when it carries none.

        Raises:
            ApiError: IncompleteSignatureException.
        """
        if authorization is None:
            return self._of_query(query) if query else None
        head, separator, _ = authorization.partition(b",")
        found = self._seen.get(head)
        if found is None:
            found = self._of_header(head if separator else authorization)
            if len(self._seen) >= CREDENTIALS_MAX:
                self._seen.clear()
            self._seen[head] = found
        return found

    @staticmethod
    def _of_header(head: bytes) -> Credential:
        """`AWS4-HMAC-SHA256 Credential=...`, up to the first comma."""
        text = head.decode("latin-1")
        algorithm, _, rest = text.partition(" ")
        name, _, scope = rest.strip().partition("=")
        if algorithm not in (ALGORITHM, "AWS4-ECDSA-P256-SHA256"):
            raise errors.incomplete_signature("Unsupported authorization algorithm")
        if name != "Credential":
            raise errors.incomplete_signature("Authorization header requires 'Credential' parameter.")
        return parse_scope(scope.strip())

    @staticmethod
    def _of_query(query: bytes) -> Credential | None:
        for name, value in parse_qsl(query.decode("latin-1")):
            if name == "X-Amz-Credential":
                return parse_scope(value)
        return None


@dataclass(frozen=True, slots=True)
class _Claim:
    """The constant part of an Authorization header, read once: a client sends the same one all day."""

    credential: Credential
    scope: str
    signed: tuple[str, ...]


class Verifier:
    """Checks signatures: one HMAC over the canonical request each.

    An access key that nobody has costs one look-up and is then checked like any other, against a secret that is
    nobody's: neither the answer nor the time that it takes tells which keys there are.
    """

    def __init__(self, secret_of: Callable[[str], str | None], now_ms: Callable[[], int]) -> None:
        """`secret_of` gives the secret of an access key, or None."""
        self._secret_of = secret_of
        self._now_ms = now_ms
        self._signing_keys: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self._claims: dict[str, _Claim] = {}
        self._moment = ""
        self._moment_seconds = 0.0

    def verify(self, request: SignedRequest) -> Credential:
        """Check a request signed by its Authorization header.

        Raises:
            ApiError: no, unreadable, unknown, late or wrong signature.
        """
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise errors.missing_authentication()
        claim, signature = self._claim(authorization)
        moment = request.headers.get("x-amz-date", "")
        self._check_moment(claim.credential, moment)
        known, key = self._signing_key(claim.credential)
        wanted = _signature(key, claim, request, moment)
        right = hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace"))
        if not (right and known):
            raise errors.unrecognized_client()
        return claim.credential

    def _claim(self, authorization: str) -> tuple[_Claim, str]:
        head, _, signature = authorization.rpartition("Signature=")
        found = self._claims.get(head)
        if found is None or "," in signature:
            fields = _fields_of(authorization)
            signature = fields["Signature"]
            found = _claim_of(fields)
            if len(self._claims) >= CREDENTIALS_MAX:
                self._claims.clear()
            self._claims[head] = found
        return found, signature

    def _check_moment(self, credential: Credential, moment: str) -> None:
        if moment != self._moment:
            self._moment_seconds = _seconds_of(moment)
            self._moment = moment
        if credential.date != moment[:8]:
            raise errors.invalid_signature(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date."
            )
        late = self._now_ms() / 1000 - self._moment_seconds
        if abs(late) > CLOCK_SKEW_SECONDS:
            word = "expired" if late > 0 else "not yet current"
            raise errors.invalid_signature(f"Signature {word}: {moment} is more than 5 min. away.")

    def _signing_key(self, credential: Credential) -> tuple[bool, bytes]:
        """Whether the access key is known, and the key that its signatures are made with."""
        scope = (credential.access_key, credential.date, credential.region)
        key = self._signing_keys.get(scope)
        if key is not None:
            return True, key
        secret = self._secret_of(credential.access_key)
        known = secret is not None
        if not known:
            scope = ("", credential.date, credential.region)  # one for all of them: guessing drives nobody out
            key = self._signing_keys.get(scope)
        if key is None:
            key = _derived(secret or "", credential)
            self._signing_keys[scope] = key
            if len(self._signing_keys) > SIGNING_KEYS_MAX:
                self._signing_keys.popitem(last=False)
        return known, key


def _derived(secret: str, credential: Credential) -> bytes:
    """The signing key of a secret for a day and a region."""
    key = f"AWS4{secret}".encode()
    for part in (credential.date, credential.region, SERVICE, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _signature(key: bytes, claim: _Claim, request: SignedRequest, moment: str) -> str:
    digest = hashlib.sha256(_canonical(request, claim.signed)).hexdigest()
    text = f"{ALGORITHM}\n{moment}\n{claim.scope}\n{digest}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def _claim_of(fields: Mapping[str, str]) -> _Claim:
    """Read what is claimed.

    Raises:
        ApiError: it is not for this service, or leaves out headers that must be signed.
    """
    credential = parse_scope(fields["Credential"])
    signed = tuple(fields["SignedHeaders"].split(";"))
    if fields["Credential"].rsplit("/", 2)[1] != SERVICE:
        raise errors.invalid_signature(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if "host" not in signed or "x-amz-date" not in signed:
        raise errors.incomplete_signature("'Host' and 'X-Amz-Date' must be signed headers.")
    return _Claim(credential, f"{credential.date}/{credential.region}/{SERVICE}/aws4_request", signed)


def _seconds_of(moment: str) -> float:
    try:
        return datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise errors.incomplete_signature("Date must be in ISO-8601 'basic format'.") from None


def _fields_of(authorization: str) -> dict[str, str]:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise errors.incomplete_signature("Unsupported authorization algorithm")
    pairs = [_pair(part) for part in rest.split(",")]
    fields = dict(pairs)
    if len(fields) != len(pairs):  # of two meanings we might take the one that others do not
        raise errors.incomplete_signature("Authorization header has a parameter twice.")
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise errors.incomplete_signature(f"Authorization header requires '{name}' parameter.")
    return fields


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value


def _canonical(request: SignedRequest, signed: Iterable[str]) -> bytes:
    """The canonical request of Signature Version 4."""
    headers = request.headers
    lines = "".join([f"{name}:{_trimmed(headers.get(name, ''))}\n" for name in signed])
    query, path = "", "/"
    if request.query:
        pairs = sorted((_encoded(n), _encoded(v)) for n, v in parse_qsl(request.query, keep_blank_values=True))
        query = "&".join(f"{name}={value}" for name, value in pairs)
    if request.path != "/":
        path = quote(unquote(request.path), safe="/-_.~")
    payload = hashlib.sha256(request.body).hexdigest()
    return f"{request.method}\n{path}\n{query}\n{lines}\n{';'.join(signed)}\n{payload}".encode()


def _trimmed(value: str) -> str:
    """A header's value without blanks around it and with single ones inside."""
    return " ".join(value.split()) if "  " in value or "\t" in value else value.strip()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
