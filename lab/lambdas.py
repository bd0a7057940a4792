"""Lambda without Docker: a function's real asset in a process of its own.

Each process runs AWS's own runtime interface client (`awslambdaric`) and speaks with a runtime API
here, as it does in AWS: so errors, time limits and dying processes look to the caller as they do
there. A process answers one call at a time and stays warm for the next; calls at once have a
process each; a process that ran out of time, or died, is not used again.

A function sees the standard library of this machine's Python, its asset, the dependency layer and
the runtime interface client, and nothing else: not the virtual environment, nor the caller's
environment variables, nor his AWS configuration.

Not isolated: memory (a limit is told, not kept), CPU, the network (no VPC: a function reaches all
that this machine reaches), the file system and the user. The version of Python is this machine's,
not the declared runtime. When the lab crashes, its idle processes end at once, a busy one when it
answers.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lab import aws, processes
from lab.aws import Invocation

INIT_SECONDS = 60.0
"""How long a process may take to import its handler: AWS gives 10 s, of a machine of its own."""

RUNTIME_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
"""What the runtime interface client consists of: AWS has it in /var/runtime."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionSpec:
    """A function as the template declares it; timeout in seconds, memory in MiB.

    `code` is the folder or the zip file of its asset; `vpc` is the declared VpcConfig, of which
    nothing comes here but what `Functions.configuration` says.
    """

    name: str
    handler: str
    code: Path
    environment: Mapping[str, str]
    role_arn: str
    timeout: int
    memory: int = 128
    log_format: str = "Text"
    runtime: str = "python3.13"
    vpc: Mapping[str, Any] | None = None


class Functions:
    """The functions of the lab and their processes.

    `endpoint` is the emulator's, `folder` the lab's own, `layer` the unpacked dependency layer (as
    in /opt: with python/ inside) and `environment` what every function of the lab is told beside
    its own variables.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        folder: Path,
        layer: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self.folder = folder.resolve()
        layer = layer.resolve()
        self._layer = layer / "python" if (layer / "python").is_dir() else layer
        self._environment = dict(environment or {})
        self._runtime = _runtime_folder(self.folder / "runtime")
        self._functions: dict[str, _Function] = {}
        self._lock = threading.Lock()

    def create(self, spec: FunctionSpec) -> str:
        """Make a function known, in the place of one of the same name; its ARN."""
        code = self._unpacked(spec.code)
        function = _Function(spec, lambda: self._sandbox(spec, code))
        with self._lock:
            before = self._functions.pop(spec.name, None)
            self._functions[spec.name] = function
        if before is not None:
            before.end()
        return arn(spec.name)

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Run a function, by name or ARN, and wait for its answer.

        What goes wrong is an answer too, with AWS's names: the class of the exception that the
        handler raised, Runtime.ImportModuleError, Runtime.ExitError, Sandbox.Timedout, and
        Lambda.ResourceNotFoundException for a function that does not exist.
        """
        function = self._functions.get(aws.function_name(name))
        if function is None:
            return _error("Lambda.ResourceNotFoundException", f"Function not found: {name}")
        return function.invoke(payload)

    def spec(self, name: str) -> FunctionSpec:
        """A function as it was declared. Raises KeyError for one that is not known."""
        return self._functions[aws.function_name(name)].spec

    def configuration(self, name: str) -> dict[str, Any] | None:
        """What the Lambda API's GetFunctionConfiguration says of a function; None if unknown."""
        function = self._functions.get(aws.function_name(name))
        if function is None:
            return None
        spec = function.spec
        known: dict[str, Any] = {
            "FunctionName": spec.name,
            "FunctionArn": arn(spec.name),
            "Runtime": spec.runtime,
            "Role": spec.role_arn,
            "Handler": spec.handler,
            "Timeout": spec.timeout,
            "MemorySize": spec.memory,
            "Version": "$LATEST",
            "PackageType": "Zip",
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }
        if spec.vpc is not None:
            known["VpcConfig"] = {
                key: list(spec.vpc.get(key, [])) for key in ("SubnetIds", "SecurityGroupIds")
            }
        return known

    def kill(self, name: str) -> None:
        """Kill the processes of a function, as a crash does; a call it is at ends in ExitError."""
        self._functions[aws.function_name(name)].kill()

    def logs(self, name: str) -> list[str]:
        """The lines a function's processes wrote, with START, END and REPORT of each call.

        One process after the other, in the order they began.
        """
        streams = sorted(self._log_folder(aws.function_name(name)).glob("*.log"))
        return [line for stream in streams for line in _lines(stream)]

    def names(self) -> list[str]:
        """The names of all functions."""
        return sorted(self._functions)

    def processes(self) -> list[int]:
        """The ids of all processes that run."""
        return [pid for function in self._functions.values() for pid in function.processes()]

    def stop(self) -> None:
        """End all processes; calls that still come are refused. May be called twice."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(_Function.end, list(self._functions.values())))

    def _sandbox(self, spec: FunctionSpec, code: Path) -> _Sandbox:
        stream = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
        log = self._log_folder(spec.name) / f"{stream}.log"
        scratch = self.folder / "scratch" / spec.name
        for needed in (log.parent, scratch):
            needed.mkdir(parents=True, exist_ok=True)
        keys = aws.role_keys(spec.role_arn, spec.name, endpoint=self._endpoint)
        variables = {
            **_lambda_variables(spec, code=code, log=log),
            **dict(zip(_KEY_VARIABLES, keys, strict=True)),
            "AWS_ENDPOINT_URL": self._endpoint,
            "PYTHONPATH": os.pathsep.join(map(str, (code, self._layer, self._runtime))),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            **self._environment,
            **spec.environment,
        }
        return _Sandbox(spec, code=code, variables=variables, log=log, folder=self.folder)

    def _log_folder(self, name: str) -> Path:
        return self.folder / "logs" / name

    def _unpacked(self, code: Path) -> Path:
        """The asset in the lab's folder, once: what a process writes beside it stays there."""
        digest = uuid.uuid5(uuid.NAMESPACE_URL, code.resolve().as_uri()).hex[:16]
        target = self.folder / "code" / digest
        with self._lock:
            if not target.exists():
                half = target.with_suffix(".half")
                shutil.rmtree(half, ignore_errors=True)
                if code.is_dir():
                    shutil.copytree(code, half)
                else:
                    with zipfile.ZipFile(code) as archive:
                        archive.extractall(half)
                half.rename(target)
        return target


def arn(name: str) -> str:
    """The ARN of a function of the lab."""
    return f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function:{name}"


class _Function:
    """A function's processes: those at work, and those that wait for work."""

    def __init__(self, spec: FunctionSpec, make: Callable[[], _Sandbox]) -> None:
        self.spec = spec
        self._make = make
        self._idle: list[_Sandbox] = []
        self._all: set[_Sandbox] = set()
        self._lock = threading.Lock()
        self._ended = False

    def invoke(self, payload: bytes) -> Invocation:
        sandbox = self._taken()
        if sandbox is None:
            return _error("Lambda.ServiceException", f"{self.spec.name}: the lab has stopped")
        answer = sandbox.invoke(payload)
        with self._lock:
            warm = sandbox.alive and not self._ended
            if warm:
                self._idle.append(sandbox)
            else:
                self._all.discard(sandbox)
        if not warm:
            sandbox.close()
        return answer

    def kill(self) -> None:
        for sandbox in self._sandboxes():
            sandbox.kill()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            self._idle.clear()
        for sandbox in self._sandboxes():
            sandbox.close()

    def processes(self) -> list[int]:
        return [sandbox.process.pid for sandbox in self._sandboxes() if sandbox.alive]

    def _sandboxes(self) -> list[_Sandbox]:
        with self._lock:
            return list(self._all)

    def _taken(self) -> _Sandbox | None:
        """A process that waits, or a new one; None after the end."""
        with self._lock:
            while self._idle:
                sandbox = self._idle.pop()
                if sandbox.alive:
                    return sandbox
                self._all.discard(sandbox)
                sandbox.close()
            if self._ended:
                return None
        sandbox = self._make()
        with self._lock:
            if not self._ended:
                self._all.add(sandbox)
                return sandbox
        sandbox.close()
        return None


class _Said(NamedTuple):
    """Something that happened to a process: it asked for work, answered, failed, or is gone."""

    what: Literal["ready", "response", "error", "init error", "gone"]
    body: bytes = b""


class _Job(NamedTuple):
    """One call: the deadline is a time of the clock, as seconds since 1970."""

    request_id: str
    payload: bytes
    deadline: float


class _Sandbox:
    """One process of a function, and its runtime API: in AWS's words an execution environment."""

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        code: Path,
        variables: Mapping[str, str],
        log: Path,
        folder: Path,
    ) -> None:
        self._spec = spec
        self._log = log
        self.folder = folder
        self._ready = False
        self._api = _RuntimeApi(arn(spec.name))
        python = getattr(sys, "_base_executable", sys.executable)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [python, "-S", "-P", "-m", "awslambdaric", spec.handler],
                cwd=code,
                env={**variables, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        what = f"function {spec.name}"
        processes.record(folder, self.process.pid, what=what, end_with=signal.SIGKILL)
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def invoke(self, payload: bytes) -> Invocation:
        """One call: START, the process's own lines, END and REPORT in the log."""
        request = str(uuid.uuid4())
        self._write(f"START RequestId: {request} Version: $LATEST")
        began = time.time()
        failure, init = None, ""
        if not self._ready:
            failure = self._made_ready(request)
            init = f"\tInit Duration: {_milliseconds_since(began)}"
            began = time.time()
        answer = failure or self._done(_Job(request, payload, began + self._spec.timeout))
        self._write(f"END RequestId: {request}")
        self._write(
            f"REPORT RequestId: {request}\tDuration: {_milliseconds_since(began)}"
            f"\tMemory Size: {self._spec.memory} MB{init}"
        )
        return answer

    def kill(self) -> None:
        """End the process, and what it started, and wait until it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the process and its runtime API. May be called twice."""
        self.kill()
        self._api.close()
        processes.forget(self.folder, self.process.pid)

    def _made_ready(self, request: str) -> Invocation | None:
        """Wait until the process has imported its handler; the answer of the call if it cannot."""
        match self._heard(time.time() + INIT_SECONDS):
            case _Said("ready"):
                self._ready = True
                return None
            case _Said("init error", body):
                self.kill()
                return Invocation(body, error=True)
            case None:
                return self._out_of_time(request, INIT_SECONDS)
            case _:
                return self._gone(request)

    def _done(self, job: _Job) -> Invocation:
        """Hand the process its work, and wait for the answer until the function's time is up."""
        self._api.jobs.put(job)
        match self._heard(job.deadline):
            case _Said("response", body):
                return Invocation(body)
            case _Said("error", body):
                return Invocation(body, error=True)
            case None:
                return self._out_of_time(job.request_id, self._spec.timeout)
            case _:
                return self._gone(job.request_id)

    def _heard(self, deadline: float) -> _Said | None:
        with contextlib.suppress(queue.Empty):
            return self._api.said.get(timeout=max(0.0, deadline - time.time()))
        return None

    def _out_of_time(self, request: str, seconds: float) -> Invocation:
        self.kill()
        return _error(
            "Sandbox.Timedout",
            f"RequestId: {request} Error: Task timed out after {seconds:.2f} seconds",
        )

    def _gone(self, request: str) -> Invocation:
        match self.process.wait():
            case 0:
                how = "exited without providing a reason"
            case -9:
                how = "exited with error: signal: killed"
            case code if code < 0:
                how = f"exited with error: signal: {signal.Signals(-code).name}"
            case code:
                how = f"exited with error: exit status {code}"
        return _error("Runtime.ExitError", f"RequestId: {request} Error: Runtime {how}")

    def _watch(self) -> None:
        self.process.wait()
        self._api.said.put(_Said("gone"))

    def _write(self, line: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{line}\n")


class _RuntimeApi(ThreadingHTTPServer):
    """AWS's runtime API for one process, on a free port of 127.0.0.1.

    `jobs` are for the process, and None for it to go; `said` is what it tells.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    daemon_threads = True

    def __init__(self, function_arn: str) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeHandler)
        self.function_arn = function_arn
        self.jobs: queue.Queue[_Job | None] = queue.Queue()
        self.said: queue.Queue[_Said] = queue.Queue()
        self.asked = False
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port, as the runtime interface client wants them."""
        return f"127.0.0.1:{self.server_port}"

    def close(self) -> None:
        """Let the process's last question go unanswered, and stop listening."""
        self.jobs.put(None)
        self.shutdown()
        self.server_close()

    def handle_error(self, *_arguments: Any) -> None:
        """A process that is gone does not hear its answer: nothing to tell on the terminal."""


class _RuntimeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _RuntimeApi

    def do_GET(self) -> None:
        """The process asks for work, for the first time when it has imported its handler."""
        if not self.server.asked:
            self.server.asked = True
            self.server.said.put(_Said("ready"))
        job = self.server.jobs.get()
        if job is None:
            self._answer(HTTPStatus.GONE)
            return
        self._answer(
            HTTPStatus.OK,
            job.payload,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": job.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(job.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self.server.function_arn,
            },
        )

    def do_POST(self) -> None:
        """The process answers, or fails, or could not begin."""
        body = b"".join(self._body())
        self._answer(HTTPStatus.ACCEPTED, b"{}")
        if self.path.endswith("/init/error"):
            self.server.said.put(_Said("init error", body))
        elif self.path.endswith("/error"):
            self.server.said.put(_Said("error", body))
        else:
            self.server.said.put(_Said("response", body))

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


_KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _lambda_variables(spec: FunctionSpec, *, code: Path, log: Path) -> dict[str, str]:
    """What Lambda itself tells a function.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return {
        "_HANDLER": spec.handler,
        "AWS_DEFAULT_REGION": aws.REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log.stem,
        "AWS_REGION": aws.REGION,
        "LAMBDA_TASK_ROOT": str(code),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
    }


def _runtime_folder(target: Path) -> Path:
    """A folder that holds the runtime interface client, and nothing more of this environment.

    Raises LookupError when it is not installed.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in RUNTIME_MODULES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise LookupError(f"{name} is not installed: `make setup` installs it")
        module = Path(spec.origin)
        if spec.submodule_search_locations:
            shutil.copytree(module.parent, target / name)
        else:
            shutil.copy2(module, target)
    return target


def _milliseconds_since(began: float) -> str:
    return f"{(time.time() - began) * 1000:.2f} ms"


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


def _error(error_type: str, message: str) -> Invocation:
    return Invocation(
        json.dumps({"errorType": error_type, "errorMessage": message}).encode(), error=True
    )
