"""`python -m lab`, as a user types it, each in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

ROOT = Path(__file__).parents[2]
DRILL = "aurora-prod-monthly"


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", "--folder", str(folder), *arguments]


def run(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *arguments),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def status_of(folder: Path) -> Any:
    """What the operator's command line says of a lab that is up, which no drill has proven."""
    ready = folder / "up" / "ready.json"
    text = f"""
import pathlib, sys
from cli import __main__, access
access.READY = pathlib.Path({str(ready)!r})
sys.exit(__main__.guarded(["status", "--lab", "--json"]))
"""
    asked = subprocess.run(
        [sys.executable, "-c", text],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == 2, asked.stdout + asked.stderr
    return json.loads(asked.stdout)


def processes_of(folder: Path) -> list[str]:
    """The command lines of processes that have to do with a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [*(process.info["cmdline"] or []), process.info["cwd"] or ""]
        if any(str(folder) in word for word in words):
            found.append(" ".join(words))
    return found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["drill", "no-such-drill"], "expected aurora-prod-monthly"),
        (["drill", DRILL, "--damage", "no-such-damage"], "expected one of"),
    ],
)
def test_what_cannot_run_says_so_and_makes_nothing(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    outcome = run(tmp_path, *arguments)
    assert outcome.returncode == 3
    assert says in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [["drill", DRILL, "--input", "{"], ["drill", DRILL, "--scale", "0"], ["fly"], []],
)
def test_a_wrong_command_line_is_explained(tmp_path: Path, arguments: list[str]) -> None:
    outcome = run(tmp_path, *arguments)
    assert outcome.returncode == 2
    assert "usage: python -m lab" in outcome.stderr


def test_a_directory_without_postgresql_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    labs = tmp_path / "labs"
    outcome = run(labs, "drill", DRILL, environment={"DRILLS_POSTGRES_BIN": str(empty)})
    assert outcome.returncode == 3
    assert str(empty) in outcome.stdout
    assert "initdb" in outcome.stdout
    assert not list(labs.glob("drill-*"))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = run(tmp_path, "drill", DRILL, "--port", str(port))
    assert outcome.returncode == 3
    assert str(port) in outcome.stdout
    assert not list(tmp_path.glob("drill-*"))


def test_damages_are_listed(tmp_path: Path) -> None:
    outcome = run(tmp_path, "damages")
    assert outcome.returncode == 0
    assert "stopped_too_early" in outcome.stdout
    # A name is there to be copied: whole, however narrow the terminal.
    assert "rotation_finished" in outcome.stdout


def test_a_drill_beside_a_lab_that_is_up(tmp_path: Path) -> None:
    """Two labs at once; the report is kept, everything else goes."""
    up = run(tmp_path, "up", "--scale", "0.1")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in up.stdout
        copy = tmp_path / "copy.json"
        arguments = ["drill", DRILL, "--damage", "rows_deleted", "--scale", "0.1"]
        drill = run(tmp_path, *arguments, "--json", str(copy))
        assert drill.returncode == 1, drill.stdout + drill.stderr
        assert "FAIL" in drill.stdout
        report = json.loads(copy.read_text())
        schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
        jsonschema.validate(report, schema)
        page = tmp_path / "reports" / report["run"]["id"] / "report.html"
        assert page.read_text().startswith("<!doctype html>")
        assert not list(tmp_path.glob("drill-*"))
        assert run(tmp_path, "up").stdout.count("is up already") == 1
        status = status_of(tmp_path)
        assert status["state"]["fresh"] is True, "the watch has looked, once the lab was up"
        assert status["open"] == {"critical": 0, "high": 0, "medium": 0, "low": 0}
        assert "no drill of fibonacci-aurora-cluster-prod" in status["sentence"]
    finally:
        down = run(tmp_path, "down")
    assert "ended: up" in down.stdout
    assert not (tmp_path / "up").exists()
    assert processes_of(tmp_path) == []


@contextmanager
def a_drill(folder: Path, *, until: str) -> Iterator[subprocess.Popen[str]]:
    """A drill that runs, from when it has said something on."""
    process = subprocess.Popen(
        command(folder, "drill", DRILL, "--scale", "0.1"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process:
        assert any(until in line for line in process.stdout)
        yield process


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with a_drill(tmp_path, until="Exercise  waits for the cluster") as process:
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        told = process.stdout.read()
        assert process.wait(timeout=60) == 130
    assert "nothing of the lab is left running" in told
    assert "Traceback" not in told
    assert processes_of(tmp_path) == []
    assert not list(tmp_path.glob("drill-*"))


def test_a_lab_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    with a_drill(tmp_path, until="Exercise  begins") as process:
        process.kill()
    deadline = time.monotonic() + 30
    while processes_of(tmp_path):
        assert time.monotonic() < deadline, processes_of(tmp_path)
        time.sleep(0.2)
    assert run(tmp_path, "down").stdout.startswith("ended: drill-")
    assert not list(tmp_path.glob("drill-*"))
