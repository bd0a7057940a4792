"""Functions in processes of their own: answers, failures, time, warmth, what they see and leave."""

from __future__ import annotations

import json
import os
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.aws import Invocation
from lab.emulator import Call, Emulator
from lab.lambdas import Functions, FunctionSpec
from tests.emulator.conftest import Machines, task

ROLE = "arn:aws:iam::123456789012:role/drill-aurora-plan"

HANDLERS = """
    import json, os, sys, time
    calls = 0

    class TryAgain(Exception):
        pass

    def echo(event, context):
        return event

    def fail(event, context):
        raise TryAgain("the cluster is modifying")

    def sleep(event, context):
        time.sleep(event)
        return "rested"

    def leave(event, context):
        os._exit(event)

    def count(event, context):
        global calls
        calls += 1
        return {"calls": calls, "pid": os.getpid()}

    def look(event, context):
        return {
            "environment": dict(os.environ),
            "path": sys.path,
            "cwd": os.getcwd(),
            "name": context.function_name,
            "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(),
        }

    def talk(event, context):
        print("to standard output")
        print("to standard error", file=sys.stderr)

    def imports(event, context):
        found = {}
        for name in event:
            try:
                __import__(name)
                found[name] = True
            except ImportError:
                found[name] = False
        return found

    def who(event, context):
        import boto3
        return boto3.client("sts").get_caller_identity()["Arn"]

    def make(event, context):
        import boto3
        sqs = boto3.client("sqs")
        if "QueueUrls" in sqs.list_queues(QueueNamePrefix="half-made"):
            return {"adopted": True}
        sqs.create_queue(QueueName="half-made")
        return {"adopted": False}
"""


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asset")
    (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    (folder / "broken.py").write_text("import no_such_module\n")
    (folder / "wrong.py").write_text("def handler(:\n")
    (folder / "raising.py").write_text("raise LookupError('no settings')\n")
    return folder


@pytest.fixture(scope="module")
def functions(
    emulator: Emulator, asset: Path, layer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Functions]:
    made = Functions(
        endpoint=emulator.endpoint,
        folder=tmp_path_factory.mktemp("functions"),
        layer=layer,
        environment={"DRILLS_CA_FILE": "/lab/ca.pem"},
    )
    handlers = ["echo", "fail", "sleep", "leave", "count", "look", "talk", "imports", "who", "make"]
    for handler in [f"handlers.{name}" for name in handlers] + [
        "broken.handler",
        "wrong.handler",
        "raising.handler",
        "handlers.missing",
    ]:
        made.create(spec(handler, asset))
    yield made
    made.stop()
    assert made.processes() == []


def spec(handler: str, asset: Path, **fields: Any) -> FunctionSpec:
    defaults: dict[str, Any] = {
        "name": handler.removeprefix("handlers.").replace(".", "-"),
        "handler": handler,
        "code": asset,
        "environment": {"DRILLS_LEDGER_TABLE": "ledger"},
        "role_arn": ROLE,
        "timeout": 2,
        "memory": 512,
    }
    return FunctionSpec(**{**defaults, **fields})


def call(functions: Functions, name: str, payload: Any = None) -> Any:
    """The answer of a function; fails if it failed."""
    answer = functions.invoke(name, json.dumps(payload).encode())
    assert not answer.error, answer.payload
    return json.loads(answer.payload)


def error(answer: Invocation) -> tuple[str, str]:
    assert answer.error, answer.payload
    payload = json.loads(answer.payload)
    return payload["errorType"], payload["errorMessage"]


def test_an_answer(functions: Functions) -> None:
    assert call(functions, "echo", {"a": [1, None, "é"]}) == {"a": [1, None, "é"]}


def test_a_big_answer(functions: Functions) -> None:
    assert call(functions, "echo", "x" * 300_000) == "x" * 300_000


def test_an_exception_is_known_by_its_class(functions: Functions) -> None:
    answer = functions.invoke("fail", b"{}")
    assert error(answer) == ("TryAgain", "the cluster is modifying")
    payload = json.loads(answer.payload)
    assert "handlers.py" in payload["stackTrace"][-1]
    assert payload["requestId"]


def test_a_process_stays_warm_also_after_an_exception(functions: Functions) -> None:
    first = call(functions, "count")
    assert call(functions, "count") == {"calls": first["calls"] + 1, "pid": first["pid"]}
    functions.invoke("fail", b"{}")
    functions.invoke("fail", b"{}")
    assert sum("Init Duration" in line for line in functions.logs("fail")) == 1


def test_out_of_time(functions: Functions, asset: Path) -> None:
    functions.create(spec("handlers.sleep", asset, name="impatient", timeout=1))
    began = time.monotonic()
    kind, message = error(functions.invoke("impatient", b"30"))
    assert time.monotonic() - began < 10
    assert kind == "Sandbox.Timedout"
    assert message.endswith("Error: Task timed out after 1.00 seconds")
    assert call(functions, "impatient", 0) == "rested"


@pytest.mark.parametrize(
    ("status", "how"), [(3, "exited with error: exit status 3"), (0, "exited without providing a")]
)
def test_a_process_that_leaves(functions: Functions, status: int, how: str) -> None:
    kind, message = error(functions.invoke("leave", str(status).encode()))
    assert kind == "Runtime.ExitError"
    assert f"Error: Runtime {how}" in message


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("broken-handler", "Runtime.ImportModuleError"),
        ("wrong-handler", "Runtime.UserCodeSyntaxError"),
        ("raising-handler", "LookupError"),
        ("missing", "Runtime.HandlerNotFound"),
    ],
)
def test_a_function_that_cannot_begin(functions: Functions, name: str, kind: str) -> None:
    for _ in range(2):
        assert error(functions.invoke(name, b"{}"))[0] == kind


def test_no_such_function(functions: Functions) -> None:
    assert error(functions.invoke("nobody", b"{}")) == (
        "Lambda.ResourceNotFoundException",
        "Function not found: nobody",
    )


def test_calls_at_once_have_a_process_each(functions: Functions) -> None:
    call(functions, "sleep", 0)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(call(functions, "sleep", 1)))
        for _ in range(3)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["rested"] * 3
    assert time.monotonic() - began < 2.9


def test_by_its_arn(functions: Functions) -> None:
    arn = "arn:aws:lambda:sa-east-1:123456789012:function:echo:$LATEST"
    assert call(functions, arn, 1) == 1


def test_what_a_function_is_told(
    functions: Functions, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-OF-THE-USER")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/of/the/user.pem")
    monkeypatch.setenv("SECRET_OF_THE_USER", "x")
    seen = call(functions, "look")
    environment = seen["environment"]
    assert environment["DRILLS_LEDGER_TABLE"] == "ledger"
    assert environment["DRILLS_CA_FILE"] == "/lab/ca.pem"
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert environment["AWS_REGION"] == "sa-east-1"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "look"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "SECRET_OF_THE_USER" not in environment
    assert "AWS_CA_BUNDLE" not in environment
    home = Path.home()
    assert not any(value.startswith(f"{home}/") for name, value in environment.items())
    assert seen["cwd"] == environment["LAMBDA_TASK_ROOT"]
    assert seen["name"] == "look"
    assert seen["arn"] == "arn:aws:lambda:sa-east-1:123456789012:function:look"
    assert 0 < seen["left"] <= 2000


def test_what_a_function_can_import(functions: Functions) -> None:
    assert call(functions, "imports", ["json", "handlers", "boto3", "awslambdaric"]) == {
        "json": True,
        "handlers": True,
        "boto3": True,
        "awslambdaric": True,
    }
    assert call(functions, "imports", ["moto", "pytest", "pip", "lab", "infra", "pydantic"]) == {
        "moto": False,
        "pytest": False,
        "pip": False,
        "lab": False,
        "infra": False,
        "pydantic": False,
    }


def test_a_function_acts_in_its_role(functions: Functions, emulator: Emulator) -> None:
    assert call(functions, "who") == (
        "arn:aws:sts::123456789012:assumed-role/drill-aurora-plan/who"
    )
    made = [seen for seen in emulator.calls if seen.operation == "GetCallerIdentity"][-1]
    assert (made.role, made.session) == (ROLE, "who")


def test_the_log_of_a_call(functions: Functions) -> None:
    functions.invoke("talk", b"{}")
    start, out, err, end, report = functions.logs("talk")
    assert start.startswith("START RequestId: ")
    request = start.split()[2]
    assert (out, err) == ("to standard output", "to standard error")
    assert end == f"END RequestId: {request}"
    assert report.startswith(f"REPORT RequestId: {request}\tDuration: ")
    assert "Memory Size: 512 MB\tInit Duration: " in report


def test_the_log_names_an_error(functions: Functions) -> None:
    functions.invoke("fail", b"{}")
    assert "[ERROR] TryAgain: the cluster is modifying" in functions.logs("fail")


def test_the_asset_is_left_as_it_was(functions: Functions, asset: Path) -> None:
    call(functions, "echo")
    assert sorted(path.name for path in asset.iterdir()) == [
        "broken.py",
        "handlers.py",
        "raising.py",
        "wrong.py",
    ]


def test_an_asset_in_a_zip_file(functions: Functions, asset: Path, folder: Path) -> None:
    packed = folder / "asset.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(asset / "handlers.py", "handlers.py")
    functions.create(spec("handlers.echo", packed, name="zipped"))
    assert call(functions, "zipped", 7) == 7


def test_a_function_is_replaced(functions: Functions, asset: Path) -> None:
    functions.create(spec("handlers.echo", asset, name="changing"))
    assert call(functions, "changing", 1) == 1
    functions.create(spec("handlers.count", asset, name="changing"))
    assert call(functions, "changing")["calls"] == 1


def answered_while(
    functions: Functions, name: str, payload: bytes, act: Callable[[], object]
) -> Invocation:
    """What a call answers when something is done while it is at work."""
    answers: list[Invocation] = []
    thread = threading.Thread(target=lambda: answers.append(functions.invoke(name, payload)))
    thread.start()
    time.sleep(0.3)
    act()
    thread.join(10)
    assert answers, "the call goes on"
    return answers[0]


def test_killed_at_work(functions: Functions) -> None:
    call(functions, "sleep", 0)
    answer = answered_while(functions, "sleep", b"1.9", lambda: functions.kill("sleep"))
    kind, message = error(answer)
    assert kind == "Runtime.ExitError"
    assert message.endswith("Runtime exited with error: signal: killed")
    assert call(functions, "sleep", 0) == "rested"


def test_killed_while_it_waits(functions: Functions) -> None:
    first = call(functions, "count")
    functions.kill("count")
    assert call(functions, "count")["pid"] != first["pid"]


def test_killed_between_effect_and_answer(
    functions: Functions, emulator: Emulator, machines: Machines
) -> None:
    def kill_once(seen: Call) -> None:
        if seen.operation == "CreateQueue":
            emulator.after_call.clear()
            functions.kill(str(seen.session))

    emulator.invoke = functions.invoke
    emulator.after_call.append(kill_once)
    retry = [{"ErrorEquals": ["Runtime.ExitError"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    ended = machines.run({"Make": task("make", Retry=retry)})
    assert ended.output == {"adopted": True}
    assert ended.types.count("LambdaFunctionFailed") == 1


def test_nothing_is_left_after_the_stop(
    emulator: Emulator,
    asset: Path,
    layer: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    made = Functions(endpoint=emulator.endpoint, folder=Path("lab"), layer=layer)
    made.create(spec("handlers.echo", asset))
    made.create(spec("handlers.sleep", asset, timeout=60))
    call(made, "echo", 1)
    call(made, "sleep", 0)
    running = made.processes()
    assert len(running) == 2
    answer = answered_while(made, "sleep", b"30", made.stop)
    assert error(answer)[0] == "Runtime.ExitError"
    assert made.processes() == []
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert error(made.invoke("echo", b"1"))[0] == "Lambda.ServiceException"
    made.stop()
