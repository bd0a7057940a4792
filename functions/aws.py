"""What an AWS error means, whichever service it came from. The doors translate by these tables."""

from __future__ import annotations

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BrokenConnection

# Throttling and transport errors of all services, and the state races of RDS: notes on botocore's
# retries/standard.py and on the RDS service model, 2014-10-31.
_ASK_AGAIN = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


def code_of(error: ClientError) -> str:
    """The wire code of an error: not always the name of its class (DBInstanceNotFound)."""
    return error.response.get("Error", {}).get("Code", "")


def asks_again(error: Exception) -> bool:
    """Whether AWS asks to be asked again: throttling, a 5xx answer, a connection that broke.

    >>> asks_again(ValueError("no"))
    False
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _ASK_AGAIN or status >= 500
    return isinstance(error, BrokenConnection | HTTPClientError)
