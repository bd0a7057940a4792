"""What was asked of the emulator: an HTTP request, read with the service's own model.

moto brings parsers for all AWS protocols and a router from method and path to operation; here they
turn a request into a `Call`, and a `Refusal` into the answer that the SDK raises as a ClientError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import HTTPException

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")

OLDER_CREDENTIAL = re.compile(r"(?:^|&)AWSAccessKeyId=([^&]+)")
"""In the query of a request to S3 that is pre-signed in the older way, which the SDK prefers."""

SERVICES = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
"""Where the name a request is signed for is not the service's name in the SDK."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of an AWS API, named as the SDK names it: `rds`, `DescribeDBClusters`.

    `role` is the ARN of the calling role and `session` the name of its session, which for a
    function is the function's name; both are None when the caller is no role (a test, the CLI).
    `status` is that of the HTTP answer, None before there is one. A streamed body is not kept.
    """

    role: str | None
    session: str | None
    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None


class Refusal(Exception):
    """When a hook wants a call to fail: the caller gets this error code, message and status."""

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = int(status)


class Denied(Refusal):
    """When a hook finds that the caller may not do this to that."""

    def __init__(self, action: str, resource: str) -> None:
        super().__init__(
            "AccessDenied",
            f"not authorized to perform: {action} on resource: {resource}",
            HTTPStatus.FORBIDDEN,
        )
        self.action = action
        self.resource = resource


def signature(authorization: str) -> tuple[str, str, str] | None:
    """Access key, region and service that a request is signed with; None if it is not.

    That stands in its Authorization header, or in its query.

    >>> signature("AWS4-HMAC-SHA256 Credential=ASIA1/20261123/sa-east-1/states/aws4_request, ...")
    ('ASIA1', 'sa-east-1', 'stepfunctions')
    """
    match = CREDENTIAL.search(authorization)
    if match is None:
        older = OLDER_CREDENTIAL.search(authorization)
        return (older[1], "", "s3") if older else None
    access_key, region, service = match.groups()
    return access_key, region, SERVICES.get(service, service)


def operation_of(service: str, environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Operation and parameters of a request, `("Unknown", {})` where the model knows no such one.

    The request's body must be readable again: `environ["wsgi.input"]` is left at its end. Raises
    Refusal for a body that is no XML where it should be, and for a text where a number should be.
    """
    request = BackendRequest(environ)
    try:
        model = get_service_model(service)
        operation, path_parameters = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):
        # Both are moto's: its router raises the one for an unknown path, the other for an unknown
        # action. A request that no model knows is still answered, and recorded as Unknown.
        return "Unknown", {}
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](operation)
    unread = operation.has_streaming_input or request.method in ("GET", "HEAD")
    asked = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": b"" if unread else request.get_data(),
        "url_path": request.path,
        "url_params": path_parameters,
    }
    try:
        parameters = parser.parse(asked)
    except RequestParserError as error:
        raise Refusal("MalformedXML", f"{operation.name}: {error}") from error
    except ValueError as error:
        raise Refusal("InvalidArgument", f"{operation.name}: {error}") from error
    return operation.name, parameters


def answer_to(service: str, content_type: str, refusal: Refusal) -> tuple[int, str, bytes]:
    """Status, content type and body that refuse a request of that content type, in its protocol.

    >>> answer_to("stepfunctions", "application/x-amz-json-1.0", Refusal("Throttling", "slowly"))
    (400, 'application/x-amz-json-1.0', b'{"__type": "Throttling", "message": "slowly"}')
    """
    error = f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
    if service == "s3":
        text = f"<Error>{error}</Error>"
    elif content_type.startswith("application/x-www-form-urlencoded"):
        text = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
    else:
        code = "AccessDeniedException" if isinstance(refusal, Denied) else refusal.code
        body = json.dumps({"__type": code, "message": refusal.message})
        return refusal.status, "application/x-amz-json-1.0", body.encode()
    return refusal.status, "text/xml", text.encode()
