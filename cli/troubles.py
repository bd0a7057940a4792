"""What went wrong between here and AWS, in a line that says what to do. Pure."""

from __future__ import annotations

import json
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnected

from cli.errors import CannotRun
from functions.aws import code_of
from functions.errors import DrillError

EXPECTED: Final = (CannotRun, BotoCoreError, ClientError, DrillError, OSError)
"""The errors that say what to do; any other is a fault of ours, and shows its traceback."""

_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
_UNKNOWN: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED: Final = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
)
_LOG_IN: Final = "expected a login, as `aws sso login`, or another --profile"


def told(error: Exception) -> str:
    """The line.

    >>> told(ProfileNotFound(profile="ops"))
    "--profile: 'ops': there is no such profile: expected one of ~/.aws/config"
    >>> print(told(ClientError({"Error": {"Code": "AccessDeniedException", "Message":
    ...     "User: x is not authorized to perform: states:StartExecution"}}, "StartExecution")))
    StartExecution is denied: User: x is not authorized to perform: states:StartExecution
    >>> told(ClientError({"Error": {"Code": "ExpiredToken"}}, "ListSchedules"))
    'the credentials have expired: expected a login, as `aws sso login`, or another --profile'
    """
    match error:
        case ProfileNotFound():
            profile = error.kwargs["profile"]
            line = (
                f"--profile: {profile!r}: there is no such profile: expected one of ~/.aws/config"
            )
        case NoRegionError():
            line = "--region: none is known: expected --region NAME, or AWS_REGION"
        case NoCredentialsError() | PartialCredentialsError():
            line = f"there are no credentials: {_LOG_IN}"
        case SSOError() | TokenRetrievalError() | CredentialRetrievalError():
            line = f"the credentials could not be had: {error}: {_LOG_IN}"
        case NotConnected() | HTTPClientError():
            line = f"AWS could not be reached: {error}: expected a network, and the right --region"
        case ClientError():
            line = _refused(error)
        case json.JSONDecodeError():
            line = f"what was stored is not JSON: {error}"
        case _:
            line = str(error) or type(error).__name__
    return " ".join(line.split())


def _refused(error: ClientError) -> str:
    """What AWS answered, by the name of the call."""
    code, message = code_of(error), error.response.get("Error", {}).get("Message", "")
    if code in _EXPIRED:
        return f"the credentials have expired: {_LOG_IN}"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}): {_LOG_IN}"
    if code in _DENIED:
        return f"{error.operation_name} is denied: {message or code}"
    return f"{error.operation_name} failed: {code}: {message}"
