"""What all commands have in common: whom they ask, what they say when they cannot, Tab."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli import access, operations, remembered, status
from cli.__main__ import guarded
from cli.access import Aws
from cli.completion import NAME
from cli.deployed import Deployment
from cli.parser import SHELLS, commands
from lab.calls import Call, Refusal
from tests.cli.conftest import ROOT, Ran, Terminal
from tests.cli.deployment import AURORA, FILES, KINDS, ROTATION, Deployed
from tests.cli.machine_readable import told
from tests.unit.test_docs import rows

ASKING = {
    "status": (),
    "schedule": (),
    "run": (AURORA,),
    "watch": (AURORA,),
    "history": (),
    "report": (AURORA,),
    "cost": (),
}
PAGE = ROOT / "docs" / "cli.md"


def refuses(code: str, message: str) -> Callable[[Call], Refusal]:
    return lambda _: Refusal(code, message)


def cannot_run(ran: Ran) -> str:
    """The one line of a command that could not run."""
    assert (ran.status, ran.out) == (3, "")
    [line] = ran.err.splitlines()
    assert line.startswith("could not run: ")
    return line.removeprefix("could not run: ")


@pytest.mark.parametrize("command", ASKING)
def test_a_stack_that_is_not_there(terminal: Terminal, deployed: Deployed, command: str) -> None:
    del deployed
    ran = terminal.type(command, *ASKING[command], "--stack", "no-such", "--json")
    line = cannot_run(ran)
    assert line.startswith("--stack: 'no-such': there is no such stack in sa-east-1: expected")


def test_a_stack_that_is_none_of_ours(terminal: Terminal, deployed: Deployed) -> None:
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
    deployed.emulator.client("cloudformation").create_stack(
        StackName="other", TemplateBody=json.dumps(template)
    )
    line = cannot_run(terminal.type("status", "--stack", "other"))
    assert line.startswith("--stack: 'other': it has no output Ledger: expected")


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        ("ExpiredTokenException", "expired", "the credentials have expired: expected a login"),
        ("UnrecognizedClientException", "invalid", "AWS does not know these credentials (Unreco"),
        (
            "AccessDeniedException",
            "User: ops is not\nauthorized to perform: scheduler:ListSchedules",
            "ListSchedules is denied: User: ops is not authorized to perform: scheduler:ListSched",
        ),
        ("InternalFailure", "try later", "ListSchedules failed: InternalFailure: try later"),
    ],
)
def test_what_aws_refuses_is_told_in_a_line(
    terminal: Terminal, deployed: Deployed, code: str, message: str, says: str
) -> None:
    def refuse(call: Call) -> Refusal | None:
        return Refusal(code, message) if call.operation == "ListSchedules" else None

    deployed.emulator.before_call.append(refuse)
    line = cannot_run(terminal.type("schedule", "--stack", deployed.stack))
    assert line.startswith(says)


@pytest.mark.parametrize(
    ("words", "more", "says"),
    [
        (
            ("--profile", "ops"),
            {},
            "--profile: 'ops': there is no such profile: expected one of ~/.aws/config",
        ),
        (
            (),
            {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
            "--region: none is known: expected --region NAME, or AWS_REGION",
        ),
        (
            (),
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""},
            "there are no credentials: expected a login, as `aws sso login`, or another --profile",
        ),
        (
            (),
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"},
            "AWS could not be reached: Could not connect to the endpoint URL",
        ),
        (("--lab",), {}, "--lab: "),
    ],
)
def test_what_stands_between_is_told_in_a_line(
    terminal: Terminal, words: tuple[str, ...], more: dict[str, str], says: str
) -> None:
    environment = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }
    ran = terminal.begin("status", *words, **environment).ended()
    assert cannot_run(ran).startswith(says)


def test_a_profile_and_a_region_are_used(terminal: Terminal, deployed: Deployed) -> None:
    """Keys of the environment do not win over the profile that was named."""
    called: list[Call] = []
    deployed.emulator.before_call.append(lambda call: called.append(call))
    config = terminal.folder / "config"
    config.write_text(
        "[profile ops]\naws_access_key_id = OPS\naws_secret_access_key = x\nregion = sa-east-1\n"
    )
    ran = terminal.begin(
        *("history", "--profile", "ops", "--region", "sa-east-1", "--stack", deployed.stack),
        AWS_CONFIG_FILE=str(config),
        AWS_REGION="eu-west-1",
    ).ended()
    assert ran.status == 0, ran.err
    assert {call.operation for call in called} >= {"DescribeStacks", "Query"}
    assert "eu-west-1" not in ran.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fly",),
        ("run",),
        ("report",),
        ("history", "--limit", "0"),
        ("status", "extra"),
        ("status", "--stac", "x"),
        ("completion", "tcsh"),
    ],
)
def test_a_wrong_command_line_is_explained(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert "--help" in cannot_run(terminal.type(*words))


@pytest.mark.parametrize("command", ASKING)
def test_every_help_says_what_its_exit_statuses_mean(
    command: str, capsys: pytest.CaptureFixture[str], terminal: Terminal
) -> None:
    with pytest.raises(SystemExit):
        terminal.type(command, "--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "exit status: " in shown
    assert " 0" in shown.partition("exit status:")[2]
    assert "3 it could not run" in shown


def test_color_is_for_terminals_alone(terminal: Terminal, deployed: Deployed) -> None:
    deployed.collected()
    ran = terminal.type("status", "--stack", deployed.stack)
    assert "\x1b" not in ran.out


def test_nobody_reads_along(terminal: Terminal, deployed: Deployed) -> None:
    """A pager that was left is no error."""
    ours, theirs = os.pipe()
    os.close(ours)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "status", "--stack", deployed.stack],
        env=terminal.environment,
        cwd=terminal.folder,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, b"")


def test_only_the_stacks_own_alarms_count(terminal: Terminal, deployed: Deployed) -> None:
    """Two deployments of one account have the same prefix."""
    del terminal
    deployed.rings("drill-aurora-failed", "high")
    deployed.rings("drill-of-another-stack", "critical")
    own = Deployment(
        stack=deployed.stack,
        region="sa-east-1",
        ledger=deployed.ledger,
        bucket=deployed.bucket,
        resources={"AWS::CloudWatch::Alarm": ["drill-aurora-failed"]},
    )
    document = status.status(Aws(), own, now=datetime.now(UTC)).document
    assert [alarm["name"] for alarm in document["alarms"]] == ["drill-aurora-failed"]


def completed(terminal: Terminal, line: str) -> list[str]:
    """What the shell would be offered at the end of a line."""
    answer = terminal.folder / "completions"
    process = subprocess.run(
        [sys.executable, "-m", "cli"],
        env={
            **terminal.environment,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SHELL": "fish",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        },
        timeout=30,
        check=True,
        capture_output=True,
    )
    assert process.stdout == b""
    return [offered.partition("\t")[0].strip() for offered in answer.read_text().splitlines()]


def test_names_are_completed_as_they_were_last_seen(terminal: Terminal, deployed: Deployed) -> None:
    """AWS is not asked: it could not be reached."""
    assert completed(terminal, "drills run a") == []
    run = "20261102-1a2b3c"
    deployed.ran(FILES, run, datetime.now(UTC))
    terminal.type("schedule", "--stack", deployed.stack)
    terminal.type("history", "--stack", deployed.stack)
    assert completed(terminal, "drills run a") == [AURORA]
    assert set(completed(terminal, "drills history ")) >= set(KINDS)
    assert set(completed(terminal, "drills report ")) >= {*KINDS, run}
    assert completed(terminal, "drills report 2026") == [run]
    assert completed(terminal, "drills run --wa") == ["--watch"]
    assert "status" in completed(terminal, "drills st")


def test_completion_loads_nothing_that_is_slow() -> None:
    text = "import sys, cli.__main__; cli.__main__.parser(); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"boto3", "botocore", "rich", "pydantic"} & set(ran.stdout.split())


@pytest.mark.parametrize("text", ["{", "[]", '{"drills": 5}', '{"drills": null}'])
def test_a_damaged_list_of_names_completes_nothing(terminal: Terminal, text: str) -> None:
    del terminal
    remembered.folder().mkdir(parents=True)
    (remembered.folder() / "names.json").write_text(text)
    assert remembered.names() == {"drills": [], "runs": []}
    remembered.remember(drills=["a"])
    assert remembered.names()["drills"] == ["a"]


def test_a_cache_that_cannot_be_written_is_no_error(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = terminal.folder / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    remembered.remember(drills=["a"])
    assert remembered.names() == {"drills": [], "runs": []}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_each_shell(terminal: Terminal, shell: str) -> None:
    ran = terminal.type("completion", shell)
    assert ran.status == 0
    assert f"completion {shell}" in ran.out
    assert NAME in ran.out


def test_bash_runs_the_command_from_anywhere_and_completes_it(terminal: Terminal) -> None:
    """The script is evaluated by a real bash, in a folder that is not the checkout."""
    remembered.remember(drills=[AURORA, ROTATION])
    script = terminal.folder / "completion.sh"
    script.write_text(terminal.type("completion", "bash").out)
    text = f"""
        . {script}
        {NAME} completion fish > out
        COMP_LINE='{NAME} run au' COMP_POINT={len(NAME) + 7} COMP_TYPE=9
        _python_argcomplete {NAME}
        printf '%s|' "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(
        ["bash", "-c", text],
        cwd=terminal.folder,
        env={**terminal.environment, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stdout.strip("| ") == AURORA
    assert "function drills" in (terminal.folder / "out").read_text()


def test_the_standing_lab_is_reached_by_its_note(
    terminal: Terminal, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `python -m lab up` writes of itself; it has no CloudFormation."""
    for name in [name for name in os.environ if name.startswith("AWS_")] + ["NO_PROXY", "no_proxy"]:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    ready = terminal.folder / "ready.json"
    note: dict[str, Any] = {
        "endpoint": deployed.emulator.endpoint,
        "stack": deployed.stack,
        "ledger": deployed.ledger,
        "bucket": deployed.bucket,
        "resources": {"AWS::StepFunctions::StateMachine": list(deployed.arns.values())},
    }
    ready.write_text(json.dumps(note))
    monkeypatch.setattr(access, "READY", ready)
    document = told(terminal.type("schedule", "--lab", "--json"))
    assert [row["name"] for row in document["schedules"]][:3] == sorted(KINDS)
    del note["ledger"]
    ready.write_text(json.dumps(note))
    assert "KeyError: 'ledger': expected a lab that this version started" in cannot_run(
        terminal.type("schedule", "--lab")
    )


@pytest.mark.parametrize(
    "words", [("--stack", "other"), ("--profile", "ops"), ("--region", "eu-west-1")]
)
def test_the_lab_is_one_deployment_of_its_own(terminal: Terminal, words: tuple[str, str]) -> None:
    line = cannot_run(terminal.type("status", "--lab", *words))
    assert line.startswith(f"{words[0]}: '{words[1]}': with --lab, which has one deployment")


@pytest.mark.parametrize("words", [("status",), ("restore-bucket", "b", "--at", "1h ago")])
def test_a_lab_that_was_killed_is_no_lab(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{gone.getsockname()[1]}"
        ready = terminal.folder / "ready.json"
        ready.write_text(json.dumps({"endpoint": endpoint}))
        monkeypatch.setattr(access, "READY", ready)
        line = cannot_run(terminal.type(*words, "--lab"))
    assert f"nothing answers at {endpoint}: Connection refused: expected a lab that is up" in line
    assert line.endswith("python -m lab up")


@pytest.mark.parametrize(
    "words", [("status",), ("completion", "bash"), ("restore-bucket", "b", "--at", "1h ago")]
)
def test_a_python_that_lacks_what_it_needs_is_told_of_the_right_one(words: tuple[str, ...]) -> None:
    """Outside of the virtual environment nothing of ours is installed: 1 would be an answer."""
    command = [sys.executable, "-S", "-m", "cli", *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    line = cannot_run(Ran(status=ran.returncode, out=ran.stdout, err=ran.stderr))
    assert line.startswith("No module named '")
    assert line.endswith("make setup, then .venv/bin/python -m cli ...")


@pytest.mark.parametrize("error", [KeyError("a"), ImportError("no such name", name="cli.status")])
def test_a_fault_of_ours_is_no_answer(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(_: Any) -> int:
        raise error

    monkeypatch.setattr(operations, "operate", breaks)
    terminal.capture.readouterr()
    assert guarded(["status"]) == 3
    assert "Traceback" in terminal.capture.readouterr().err


def test_every_command_and_option_is_on_the_page() -> None:
    known = commands()
    assert {row[0].split()[0] for row in rows(PAGE, "command")} == set(known)
    own = {
        option
        for name, parser in known.items()
        if name not in ("restore-bucket", "compare", "suggest")  # they have pages of their own
        for action in parser._actions
        for option in action.option_strings
    }
    assert {row[0].split()[0] for row in rows(PAGE, "option")} == own - {"-h", "--help"}


def test_every_document_of_the_schema_is_on_the_page() -> None:
    schema = json.loads((ROOT / "docs" / "cli.schema.json").read_text())
    named = {row[0]: row[1] for row in rows(PAGE, "key")}
    for one in schema["oneOf"]:
        document = schema["$defs"][Path(one["$ref"]).name]
        assert set(document["properties"]) - {"command", "stack"} <= set(named)
