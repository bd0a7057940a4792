"""IAM tokens for database logins, verified as RDS does: who made this password? Pure.

A token is a presigned URL without its scheme (boto3's generate_db_auth_token): its maker signs the
host, port, user and moment with a secret key, and sends no secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

LIFETIME = timedelta(minutes=15)
_SKEW = timedelta(minutes=5)
_SERVICE = "rds-db"
_ALGORITHM = "AWS4-HMAC-SHA256"


class TokenRefused(Exception):
    """When a password is not a valid token; the message says why, the client is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """What IAM knows of an access key: `principal` is the ARN of its role or user."""

    secret_key: str
    principal: str
    session_token: str | None = None
    expires: datetime | None = None


CredentialOf = Callable[[str], Credential | None]
"""The credential of an access key id, None for one that IAM does not know."""


def principal_of(
    token: str,
    *,
    hosts: Collection[str],
    port: int,
    user: str,
    region: str,
    credential_of: CredentialOf,
    now: datetime,
) -> str:
    """The ARN of the principal that made this token for this user of this endpoint.

    Raises TokenRefused.
    """
    url = urlsplit(f"https://{token}")
    try:
        parameters = {
            name: value
            for name, [value] in parse_qs(
                url.query, keep_blank_values=True, strict_parsing=True
            ).items()
        }
        signature = parameters.pop("X-Amz-Signature")
        key_id, date, signed_region, service, terminator = parameters["X-Amz-Credential"].split("/")
        made = datetime.strptime(parameters["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lifetime = timedelta(seconds=int(parameters["X-Amz-Expires"]))
    except (KeyError, ValueError):
        raise TokenRefused("it is not a presigned URL") from None

    _expect("endpoint", url.netloc, {f"{host}:{port}" for host in hosts})
    _expect("Action", parameters.get("Action"), {"connect"})
    _expect("DBUser", parameters.get("DBUser"), {user})
    _expect("algorithm", parameters.get("X-Amz-Algorithm"), {_ALGORITHM})
    _expect("region", signed_region, {region})
    _expect("service", f"{service}/{terminator}", {f"{_SERVICE}/aws4_request"})
    _expect("date", date, {f"{made:%Y%m%d}"})
    _expect("signed headers", parameters.get("X-Amz-SignedHeaders"), {"host"})
    if not made - _SKEW <= now < made + min(lifetime, LIFETIME):
        raise TokenRefused(f"it was made at {made:%Y-%m-%dT%H:%M:%SZ} and is not valid now")

    credential = credential_of(key_id)
    if credential is None:
        raise TokenRefused(f"IAM does not know its access key {key_id}")
    if credential.expires is not None and credential.expires <= now:
        raise TokenRefused(f"the session of its access key {key_id} has expired")
    if parameters.get("X-Amz-Security-Token") != credential.session_token:
        raise TokenRefused(f"its session token is not that of its access key {key_id}")
    expected = _signature(url.netloc, url.path, parameters, made, region, credential.secret_key)
    if not hmac.compare_digest(expected, signature):
        raise TokenRefused("its signature is wrong")
    return credential.principal


def _expect(what: str, told: str | None, allowed: Collection[str]) -> None:
    if told not in allowed:
        raise TokenRefused(f"its {what} is {told}: expected {' or '.join(sorted(allowed))}")


def _signature(
    host: str, path: str, parameters: dict[str, str], made: datetime, region: str, secret_key: str
) -> str:
    """Signature Version 4 of a GET of this URL, in hexadecimal."""
    query = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, value in sorted(parameters.items())
    )
    request = "\n".join(["GET", path, query, f"host:{host}", "", "host", _digest("")])
    scope = f"{made:%Y%m%d}/{region}/{_SERVICE}/aws4_request"
    text = "\n".join([_ALGORITHM, f"{made:%Y%m%dT%H%M%SZ}", scope, _digest(request)])
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = _keyed(key, part)
    return _keyed(key, text).hex()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
