"""The emulated AWS: a moto server in this process, on 127.0.0.1, and what it lacks for our line.

What is added to moto 5.2.5 (the seams; each has its tests in tests/emulator/):

- the front: every request is read (`lab/calls.py`), shown to hooks that may refuse it, and, when a
  role made it, kept in `Emulator.calls`;
- Step Functions runs machines as AWS does (`lab/stepfunctions.py`), and its Lambda tasks call
  `Emulator.invoke`, as the Lambda API's Invoke does;
- EventBridge Scheduler fires when it is told to: `Emulator.fire_schedule`;
- Secrets Manager moves labels and rotates as AWS does (`lab/secrets_manager.py`), by the path of
  `Emulator.invoke`;
- the Lambda API knows the lab's functions: what `Emulator.describe_function` says of them, and the
  policies that `Emulator.allow_invoke` makes.

moto keeps its state in the process: one emulator at a time. Permissions are not enforced unless a
hook does; there are no quotas and no throttling but those that a hook makes up.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.scheduler.models import scheduler_backends
from moto.sts.models import sts_backends
from werkzeug.http import http_date
from werkzeug.serving import BaseWSGIServer, make_server

from lab import aws
from lab.aws import Invocation
from lab.calls import Call, Denied, Refusal, answer_to, operation_of, signature
from lab.iam import UndescribedCall
from lab.policies import UnknownOperator
from lab.secrets_manager import SecretsManager
from lab.stepfunctions import StepFunctions, abort, running_executions

__all__ = ["Call", "Denied", "Emulator", "EmulatorError", "Invocation", "Refusal"]

MOTO_VERSION = "5.2.5"

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
StartResponse = Callable[..., object]
Hook = Callable[[Call], Refusal | None]

_LOG = logging.getLogger("moto")


class EmulatorError(Exception):
    """When the emulator cannot run here: another moto, a port in use, a second one."""


class Emulator:
    """An AWS of one account and region, from `start()` to `stop()`.

    `invoke` runs a function: it gets the function's name and the payload. `before_call` hooks see
    each call before moto does, and refuse it by returning a `Refusal` (`Denied` is one);
    `after_call` hooks see it, with its status, after its effect and before its caller gets the
    answer. Hooks are called in the thread of the request. `calls` are the calls made by roles.
    `describe_function` says what GetFunctionConfiguration answers, None for an unknown function.
    `clock_skew` is how far the clock that AWS shows, in its answers' Date, is from this machine's.
    """

    _running: ClassVar[Emulator | None] = None

    def __init__(self, *, folder: Path, time_factor: float = 1.0, port: int = 0) -> None:
        self.folder = folder
        self.time_factor = time_factor
        self.endpoint = ""
        self.calls: list[Call] = []
        self.before_call: list[Hook] = []
        self.after_call: list[Hook] = []
        self.invoke: Callable[[str, bytes], Invocation] = _no_functions
        self.describe_function: Callable[[str], dict[str, Any] | None] = _not_described
        self.clock_skew = timedelta(0)
        self.secrets = SecretsManager(
            invoke=lambda function, payload: self._invoke_as(None, function, payload),
            function=lambda name: self.describe_function(name),
            admits=self.may_invoke,
            time_factor=time_factor,
        )
        self._policies: dict[str, list[dict[str, Any]]] = {}
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._mends = ExitStack()

    def start(self) -> str:
        """Listen on 127.0.0.1, on the given port or a free one; the endpoint's URL.

        Raises EmulatorError when moto is another version than the one mended here, when the port
        is taken, or when this process runs an emulator already.
        """
        version = importlib.metadata.version("moto")
        if version != MOTO_VERSION:
            raise EmulatorError(
                f"moto {version} is installed: the lab mends moto {MOTO_VERSION} and no other"
            )
        if Emulator._running is not None:
            raise EmulatorError(f"this process already runs one, at {Emulator._running.endpoint}")
        with _listen(self._port) as listener:
            self._keep_log()
            self._mends.enter_context(self._interpreter().installed())
            default_user_config["stepfunctions"] = {"execute_state_machine": True}
            forget_everything()
            self.secrets.start()
            self._server = make_server(
                "127.0.0.1",
                listener.getsockname()[1],
                _Front(self, DomainDispatcherApplication(create_backend_app)),
                threaded=True,
                request_handler=_QuietHandler,
                fd=listener.fileno(),
            )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.port}"
        Emulator._running = self
        return self.endpoint

    def stop(self) -> None:
        """Abort what runs, stop listening, forget everything. May be called twice."""
        if self._server is None:
            return
        for execution in running_executions():
            abort(execution, error="Emulator.Stopped", cause="The emulator was stopped.")
        self.secrets.stop()
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._policies.clear()
        forget_everything()
        self._mends.close()
        default_user_config["stepfunctions"] = {"execute_state_machine": False}
        Emulator._running = None

    def client(self, service: str, *, role_arn: str | None = None, session: str = "lab") -> Any:
        """An SDK client of this emulator, as a role or as nobody in particular."""
        keys = aws.NOBODY
        if role_arn is not None:
            keys = aws.role_keys(role_arn, session, endpoint=self.endpoint)
        return aws.client(service, endpoint=self.endpoint, keys=keys)

    def fire_schedule(self, name: str, scheduled_time: str) -> str:
        """Deliver a schedule's target once, as at that time; what came of it.

        That is the ARN of the execution that was started, or the answer of the function. Called
        twice with the same time it is a duplicate delivery, which EventBridge Scheduler may make.
        Raises LookupError when there is no such schedule, and ClientError as its target does.
        """
        schedule = self._schedule(name)
        target = schedule.target
        text = target.get("Input") or "{}"
        context = {
            "schedule-arn": schedule.arn,
            "scheduled-time": scheduled_time,
            "execution-id": str(uuid.uuid4()),
            "attempt-number": "1",
        }
        for attribute, value in context.items():
            text = text.replace(f"<aws.scheduler.{attribute}>", value)
        service = target["Arn"].split(":")[2]
        if service == "states":
            states = self.client("stepfunctions", role_arn=target["RoleArn"], session=name)
            started = states.start_execution(stateMachineArn=target["Arn"], input=text)
            return str(started["executionArn"])
        if service == "lambda":
            return self._invoke_as(target["RoleArn"], target["Arn"], text.encode()).payload.decode()
        raise LookupError(f"schedule {name}: the lab does not deliver to {target['Arn']}")

    def allow_invoke(
        self,
        function: str,
        principal: str,
        source_account: str | None = None,
        statement_id: str | None = None,
        *,
        source_arn: str | None = None,
    ) -> None:
        """Add to a function's own policy that a service may invoke it, as AddPermission does.

        The function is named or given by ARN, and may be made later. A statement of the same id is
        replaced.
        """
        name = aws.function_name(function)
        statement_id = statement_id or f"lab-{uuid.uuid4().hex[:8]}"
        service = principal.endswith(".amazonaws.com")
        statement: dict[str, Any] = {
            "Sid": statement_id,
            "Effect": "Allow",
            "Principal": {"Service": principal} if service else {"AWS": principal},
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function:{name}",
        }
        conditions: dict[str, Any] = {}
        if source_account is not None:
            conditions["StringEquals"] = {"AWS:SourceAccount": source_account}
        if source_arn is not None:
            conditions["ArnLike"] = {"AWS:SourceArn": source_arn}
        if conditions:
            statement["Condition"] = conditions
        others = [each for each in self._policies.get(name, []) if each["Sid"] != statement_id]
        self._policies[name] = [*others, statement]

    def may_invoke(self, function: str, principal: str, source_arn: str) -> bool:
        """Whether a function's own policy lets a service of this account invoke it for that."""

        def admits(statement: dict[str, Any]) -> bool:
            conditions = statement.get("Condition", {})
            account = conditions.get("StringEquals", {}).get("AWS:SourceAccount", aws.ACCOUNT)
            source = conditions.get("ArnLike", {}).get("AWS:SourceArn", source_arn)
            return (
                statement["Principal"] == {"Service": principal}
                and account == aws.ACCOUNT
                and fnmatchcase(source_arn, source)
            )

        return any(map(admits, self._policies.get(aws.function_name(function), [])))

    def _own_answer(self, call: Call) -> bytes | None:
        """What the lab answers itself, None to ask moto. Raises Refusal."""
        if call.service == "secretsmanager":
            return self.secrets.answer(call.operation, call.parameters)
        match call.service, call.operation:
            case "lambda", "GetFunctionConfiguration":
                return json.dumps(self._configuration(call)).encode()
            case "lambda", "GetPolicy":
                return json.dumps(self._policy(call)).encode()
            case _:
                return None

    def _configuration(self, call: Call) -> dict[str, Any]:
        name = aws.function_name(call.parameters["FunctionName"])
        found = self.describe_function(name)
        if found is None:
            arn = f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function:{name}"
            raise _not_found(f"Function not found: {arn}")
        return found

    def _policy(self, call: Call) -> dict[str, str]:
        self._configuration(call)
        statements = self._policies.get(aws.function_name(call.parameters["FunctionName"]))
        if not statements:
            raise _not_found("The resource you requested does not exist.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        text = json.dumps(policy)
        return {"Policy": text, "RevisionId": str(uuid.uuid5(uuid.NAMESPACE_URL, text))}

    def _schedule(self, name: str) -> Any:
        groups = scheduler_backends[aws.ACCOUNT][aws.REGION].schedule_groups
        for group in groups.values():
            if name in group.schedules:
                return group.schedules[name]
        known = sorted(schedule for group in groups.values() for schedule in group.schedules)
        raise LookupError(f"there is no schedule {name!r}, only {', '.join(known) or 'none'}")

    def _interpreter(self) -> StepFunctions:
        return StepFunctions(time_factor=self.time_factor, invoke=self._invoke_as)

    def _invoke_as(self, role_arn: str | None, function: str, payload: bytes) -> Invocation:
        """Run a function for a service that has assumed a role: a call like any other.

        Raises the Refusal of a hook.
        """
        call = Call(
            role=role_arn,
            session=None,
            service="lambda",
            operation="Invoke",
            parameters={"FunctionName": function},
        )
        refusal = self._before(call)
        if refusal is not None:
            raise refusal
        answer = self.invoke(aws.function_name(function), payload)
        self._after(replace(call, status=int(HTTPStatus.OK)))
        return answer

    def _before(self, call: Call) -> Refusal | None:
        for hook in self.before_call:
            refusal = hook(call)
            if refusal is not None:
                self._keep(replace(call, status=refusal.status))
                return refusal
        return None

    def _after(self, call: Call) -> None:
        self._keep(call)
        for hook in self.after_call:
            hook(call)

    def _keep(self, call: Call) -> None:
        if call.role is not None:
            self.calls.append(call)

    def _keep_log(self) -> None:
        """What moto and its web server have to say goes to a file, not to the terminal."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(self.folder / "emulator.log")
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        self._mends.callback(handler.close)
        for name in ("moto", "werkzeug"):
            logger = logging.getLogger(name)
            logger.addHandler(handler)
            self._mends.callback(logger.removeHandler, handler)


class _Front:
    """The WSGI application before moto's: reads the request, asks the hooks, keeps the call."""

    def __init__(self, emulator: Emulator, moto: Any) -> None:
        self._emulator = emulator
        self._moto = moto

    @property
    def clock_skew(self) -> timedelta:
        """How far the clock that AWS shows is from this machine's."""
        return self._emulator.clock_skew

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response = _undated(start_response)
        signed = signature(environ.get("HTTP_AUTHORIZATION", ""))
        if signed is None:
            return self._passed_on(environ, start_response)
        body = _whole_body(environ)
        access_key, _, service = signed
        operation, parameters = operation_of(service, {**environ, "wsgi.input": io.BytesIO(body)})
        role, session = _assumed_role(access_key)
        call = Call(
            role=role,
            session=session,
            service=service,
            operation=operation,
            parameters=parameters,
        )
        try:
            answer = self._answered(environ, call, body)
        except Exception as error:  # a hook's own failure: its caller gets to read it
            _LOG.exception("%s:%s", call.service, call.operation)
            answer = _refused(environ, call, _failure(call, error, "a hook of the lab"))
        return _answer(start_response, *answer)

    def _answered(self, environ: dict[str, Any], call: Call, body: bytes) -> Answer:
        refusal = self._emulator._before(call)
        if refusal is not None:
            return _refused(environ, call, refusal)
        environ["wsgi.input"] = io.BytesIO(body)
        answer = self._invoked(call, body) if _is_invoke(call) else self._known(environ, call)
        self._emulator._after(replace(call, status=answer[0]))
        return answer

    def _known(self, environ: dict[str, Any], call: Call) -> Answer:
        """What the lab answers in moto's place, or what moto answers."""
        try:
            text = self._emulator._own_answer(call)
        except Refusal as refusal:
            return _refused(environ, call, refusal)
        if text is None:
            return self._asked(environ, call)
        return int(HTTPStatus.OK), [("Content-Type", "application/x-amz-json-1.1")], text

    def _passed_on(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _asked(self, environ: dict[str, Any], call: Call) -> Answer:
        """What moto answers, as a whole, so that the hooks come before the caller's first byte."""
        head: list[tuple[str, Headers]] = []
        try:
            chunks = self._moto(environ, lambda status, headers, *_: head.append((status, headers)))
            with closing(chunks):
                text = b"".join(chunks)
        except Exception as error:  # what moto cannot do is an answer, not a broken connection
            _LOG.exception("%s:%s", call.service, call.operation)
            return _refused(environ, call, _failure(call, error, f"moto {MOTO_VERSION}"))
        status, headers = head[-1]
        return int(status.split()[0]), headers, text

    def _invoked(self, call: Call, body: bytes) -> Answer:
        """The Lambda API's Invoke, which moto would do in Docker."""
        name = aws.function_name(call.parameters["FunctionName"])
        answer = self._emulator.invoke(name, body or b"{}")
        headers = [("Content-Type", "application/json")]
        if answer.error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return int(HTTPStatus.OK), headers, answer.payload


class _QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types
    """Requests are in `Emulator.calls`; a line for each on the terminal is too much."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of every answer, by the clock that AWS is to show."""
        moment = time.time() if timestamp is None else timestamp
        skew: timedelta = self.server.app.clock_skew
        return http_date(moment + skew.total_seconds())

    def log_request(self, *_arguments: Any) -> None:
        """Say nothing."""


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise EmulatorError(f"port {port} of 127.0.0.1 is not to be had: {error}") from error
    return listener


def forget_everything() -> None:
    """Empty moto's memory, which is this process's."""
    BackendDict.reset()
    reset_model_data()


def _whole_body(environ: dict[str, Any]) -> bytes:
    """The request's body, which `environ` then says the length of."""
    stream = environ["wsgi.input"]
    if "HTTP_TRANSFER_ENCODING" in environ:
        del environ["HTTP_TRANSFER_ENCODING"]
        body: bytes = stream.read()
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _assumed_role(access_key: str) -> tuple[str | None, str | None]:
    """ARN of the role and name of the session that a key belongs to, if it is a role's."""
    assumed = sts_backends[aws.ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)
    return (assumed.role_arn, assumed.session_name) if assumed else (None, None)


def _is_invoke(call: Call) -> bool:
    return (call.service, call.operation) == ("lambda", "Invoke")


def _refused(environ: dict[str, Any], call: Call, refusal: Refusal) -> Answer:
    asked_in = environ.get("CONTENT_TYPE", "")
    status, content_type, text = answer_to(call.service, asked_in, refusal)
    return status, [("Content-Type", content_type)], text


def _failure(call: Call, error: Exception, whose: str) -> Refusal:
    """The answer to a call that could not be carried out."""
    why = f"{whose} cannot do {call.service}:{call.operation}: {error!r}"
    # NotImplementedError is how moto says that it lacks an operation; the others are the lab's own.
    if isinstance(error, (NotImplementedError, UndescribedCall, UnknownOperator)):
        return Refusal("NotImplemented", why, HTTPStatus.NOT_IMPLEMENTED)
    return Refusal("InternalFailure", why, HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(
    start_response: StartResponse, status: int, headers: Headers, text: bytes
) -> Iterable[bytes]:
    named = {name.lower() for name, _ in headers}
    if "content-length" not in named:
        headers = [*headers, ("Content-Length", str(len(text)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [text]


def _undated(start_response: StartResponse) -> StartResponse:
    """The same, without a Date of moto's own: the server puts one on every answer."""

    def start(status: str, headers: Headers, *rest: Any) -> object:
        return start_response(
            status, [header for header in headers if header[0].lower() != "date"], *rest
        )

    return start


def _not_found(message: str) -> Refusal:
    return Refusal("ResourceNotFoundException", message, HTTPStatus.NOT_FOUND)


def _not_described(_: str) -> dict[str, Any] | None:
    return None


def _no_functions(name: str, payload: bytes) -> Invocation:
    del payload
    error = {
        "errorType": "Lambda.ResourceNotFoundException",
        "errorMessage": f"Function not found: {name}",
    }
    return Invocation(json.dumps(error).encode(), error=True)
