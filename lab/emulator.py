"""The emulated AWS: a moto server in this process, on 127.0.0.1, and what it lacks for our line.

What is added to moto 5.2.5 (the seams; each has its tests in tests/emulator/):

- the front (`lab/front.py`): every request is read (`lab/calls.py`), shown to hooks that may refuse
  it, and, when a role made it, kept in `Emulator.calls`;
- Step Functions runs machines as AWS does (`lab/stepfunctions.py`), and its Lambda tasks call
  `Emulator.invoke`, as the Lambda API's Invoke does;
- EventBridge Scheduler fires when it is told to: `Emulator.fire_schedule`;
- Secrets Manager moves labels and rotates as AWS does (`lab/secrets_manager.py`), by the path of
  `Emulator.invoke`;
- S3 keeps objects, versions and markers as AWS does (`lab/s3.py`), and fails when a test wants it
  to (`Emulator.s3.faults`);
- CloudTrail knows how rotations ended, and no calls (`lab/cloudtrail.py`);
- the Lambda API knows the lab's functions: what `Emulator.describe_function` says of them, and the
  policies that `Emulator.allow_invoke` makes.

moto keeps its state in the process: one emulator at a time. Permissions are not enforced unless a
hook does; there are no quotas and no throttling but those that a hook makes up.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from moto.scheduler.models import scheduler_backends
from werkzeug.serving import BaseWSGIServer, make_server

from lab import aws
from lab.aws import Invocation
from lab.calls import Call, Denied, Refusal
from lab.cloudtrail import CloudTrail
from lab.front import MOTO_VERSION, Front, QuietHandler
from lab.s3 import S3
from lab.secrets_manager import SecretsManager
from lab.stepfunctions import StepFunctions, abort, running_executions

__all__ = ["Call", "Denied", "Emulator", "EmulatorError", "Invocation", "Refusal"]

Hook = Callable[[Call], Refusal | None]


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
        self.trail = CloudTrail()
        self.secrets = SecretsManager(
            invoke=lambda function, payload: self._invoke_as(None, function, payload),
            function=lambda name: self.describe_function(name),
            admits=self.may_invoke,
            tell=lambda secret, succeeded: self.trail.rotated(secret, succeeded=succeeded),
            time_factor=time_factor,
        )
        self.s3 = S3(clock=lambda: datetime.now(UTC) + self.clock_skew)
        self._policies: dict[str, list[dict[str, Any]]] = {}
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._front: Front
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
            self.s3.clear()
            self.trail.clear()
            self.secrets.start()
            self._front = Front(self, DomainDispatcherApplication(create_backend_app))
            self._server = make_server(
                "127.0.0.1",
                listener.getsockname()[1],
                self._front,
                threaded=True,
                request_handler=QuietHandler,
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
        self._front.hang_up()
        self._server = None
        self._policies.clear()
        self.s3.clear()
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

    def own_answer(self, call: Call) -> bytes | None:
        """What the lab answers itself, None to ask moto. Raises Refusal."""
        if call.service == "secretsmanager":
            return self.secrets.answer(call.operation, call.parameters)
        if call.service == "cloudtrail":
            return self.trail.answer(call.operation, call.parameters)
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
        refusal = self.ask_hooks(call)
        if refusal is not None:
            raise refusal
        answer = self.invoke(aws.function_name(function), payload)
        self.tell_hooks(replace(call, status=int(HTTPStatus.OK)))
        return answer

    def ask_hooks(self, call: Call) -> Refusal | None:
        """Show a call to the hooks before it; what the first that refuses it says."""
        for hook in self.before_call:
            refusal = hook(call)
            if refusal is not None:
                self._keep(replace(call, status=refusal.status))
                return refusal
        return None

    def tell_hooks(self, call: Call) -> None:
        """Keep a call that was made, and show it to the hooks after it."""
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
