"""A restore that is killed or stopped, at whatever moment, is gone on with by the same command."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from cli import journal
from lab.calls import Call
from tests.cli.conftest import AFTER, BEFORE, WITHIN, Held, Past, Terminal, quoted

KEYS = 40
NEW_VERSIONS = KEYS + 2


@pytest.fixture
def then(bucket: Past) -> dict[str, Held]:
    """What the bucket was: keys were overwritten since, one deleted, two are new."""
    bucket.then(BEFORE)
    for key in range(KEYS):
        bucket.put(f"k{key:02}", b"then %d" % key)
    state = bucket.state()
    bucket.then(AFTER)
    for key in range(1, KEYS):
        bucket.put(f"k{key:02}", b"now")
    bucket.delete("k00")
    bucket.put("new")
    bucket.put("new too")
    bucket.then(timedelta(0))
    return state


@contextmanager
def at_call(
    bucket: Past, operation: str, number: int, act: Callable[[], object], *, after: bool = False
) -> Iterator[None]:
    """Act at the n-th call of an operation: before its effect or after, before its answer."""
    count = 0
    lock = threading.Lock()

    def hook(call: Call) -> None:
        nonlocal count
        if call.operation == operation and call.parameters.get("Bucket") == bucket.name:
            with lock:
                count += 1
                mine = count == number
            if mine:
                act()

    hooks = bucket.emulator.after_call if after else bucket.emulator.before_call
    hooks.append(hook)
    yield
    hooks.remove(hook)


def killed_at(
    bucket: Past, terminal: Terminal, at: str, operation: str, number: int, *, after: bool
) -> None:
    """Start a restore, and kill it at that moment."""

    def kill() -> None:
        terminal.started[-1].send(signal.SIGKILL)
        terminal.started[-1].process.wait(WITHIN)

    with at_call(bucket, operation, number, kill, after=after):
        ran = terminal.start(bucket.name, "--at", at, "--yes", "--threads", "2").ended()
    assert ran.status == -signal.SIGKILL, ran.err


MOMENTS = [
    ("ListObjectVersions", 1, True),
    ("CopyObject", 1, False),
    ("CopyObject", 4, False),
    ("CopyObject", KEYS, True),
    ("DeleteObjects", 1, True),
    ("ListObjectVersions", 2, False),
]


@pytest.mark.parametrize(("operation", "number", "after"), MOMENTS)
def test_killed_at_a_moment(
    bucket: Past,
    terminal: Terminal,
    at: str,
    then: dict[str, Held],
    operation: str,
    number: int,
    after: bool,
) -> None:
    before = len(bucket.versions())
    killed_at(bucket, terminal, at, operation, number, after=after)
    done = {noted.key for noted in journal.read(terminal.plan / "journal.jsonl")}
    copied: list[str] = []

    def hook(call: Call) -> None:
        if call.operation == "CopyObject":
            copied.append(call.parameters["Key"])

    bucket.emulator.before_call.append(hook)
    ran = terminal.restore(bucket, at, "--report", "report.json", "--sample", "0")
    assert ran.status == 0, ran.out
    assert bucket.state() == then
    assert len(bucket.versions()) == before + NEW_VERSIONS, "nothing is written twice"
    assert not done & set(copied), "what is known to be done is not even asked for again"
    report = terminal.report()
    assert report["resumed"] == (operation != "ListObjectVersions")
    if report["resumed"]:
        assert {made["key"] for made in report["copies"]} == set(then)


def test_killed_again_and_again(
    bucket: Past, terminal: Terminal, at: str, then: dict[str, Held]
) -> None:
    before = len(bucket.versions())
    for number, after in ((2, True), (2, False)):
        killed_at(bucket, terminal, at, "CopyObject", number, after=after)
    assert terminal.restore(bucket, at).status == 0
    assert bucket.state() == then
    assert len(bucket.versions()) == before + NEW_VERSIONS


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_once_it_finishes_what_is_in_flight(
    bucket: Past, terminal: Terminal, at: str, then: dict[str, Held], stop: signal.Signals
) -> None:
    before = len(bucket.versions())

    def send() -> None:
        terminal.started[0].send(stop)
        terminal.started[0].waits_until("what is in flight is finished")

    with at_call(bucket, "CopyObject", 3, send):
        ran = terminal.start(
            *(bucket.name, "--at", at, "--yes", "--threads", "1", "--report", "report.json")
        ).ended()
    assert ran.status == 2
    assert "Traceback" not in ran.err
    report = terminal.report()
    assert (report["ended"], report["exit_status"]) == ("stopped", 2)
    done = report["results"]["done"]
    assert 3 <= done < NEW_VERSIONS
    assert len(report["copies"]) + len(report["removed"]) == done
    assert len(bucket.versions()) == before + done, "every copy that was made is known"
    [again] = [line for line in ran.out.splitlines() if line.startswith("to go on: ")]
    ran = terminal.run(*quoted(again.removeprefix("to go on: "))[4:])
    assert ran.status == 0
    assert f"{done} of {NEW_VERSIONS} keys are done" in ran.out
    assert bucket.state() == then
    assert len(bucket.versions()) == before + NEW_VERSIONS
    assert terminal.report()["resumed"]


def test_stopped_twice_it_ends_at_once(
    bucket: Past, terminal: Terminal, at: str, then: dict[str, Held]
) -> None:
    """The answer that is waited for comes only after the process has ended."""

    def send() -> None:
        started = terminal.started[0]
        started.send(signal.SIGINT)
        started.waits_until("what is in flight is finished")
        started.send(signal.SIGINT)
        started.process.wait(WITHIN)

    with at_call(bucket, "CopyObject", 2, send):
        ran = terminal.start(bucket.name, "--at", at, "--yes", "--threads", "1").ended()
    assert ran.status == 2
    assert "stopped at once. To go on: python -m cli restore-bucket" in ran.err
    assert terminal.restore(bucket, at).status == 0
    assert bucket.state() == then


def test_stopped_while_it_plans_nothing_was_written(
    bucket: Past, terminal: Terminal, at: str, then: dict[str, Held]
) -> None:
    before = bucket.versions()
    with at_call(bucket, "ListObjectVersions", 1, lambda: terminal.started[0].send(signal.SIGINT)):
        ran = terminal.start(bucket.name, "--at", at, "--yes").ended()
    assert ran.status == 2
    assert "stopped: nothing was written" in ran.out
    assert "Traceback" not in ran.err
    assert bucket.versions() == before
    assert terminal.restore(bucket, at).status == 0
    assert bucket.state() == then


def test_one_of_the_same_at_a_time(
    bucket: Past, terminal: Terminal, at: str, then: dict[str, Held]
) -> None:
    inside, release = threading.Event(), threading.Event()

    def hold() -> None:
        inside.set()
        release.wait(WITHIN)

    with at_call(bucket, "CopyObject", 1, hold):
        other = terminal.start(bucket.name, "--at", at, "--yes")
        assert inside.wait(WITHIN)
        ran = terminal.restore(bucket, at)
        release.set()
        assert other.ended().status == 0
    assert ran.status == 3
    assert f"held by process {other.process.pid}" in ran.err
    assert bucket.state() == then


@pytest.mark.parametrize("typed", ["yes", "the bucket"])
def test_on_a_terminal_it_asks(
    bucket: Past, terminal: Terminal, at: str, then: dict[str, Held], typed: str
) -> None:
    """In a terminal of its own, with a person who types."""
    before = bucket.versions()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*terminal.command, bucket.name, "--at", at],
        cwd=terminal.folder,
        env=terminal.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    told = b""
    try:
        while b"bucket's name: " not in told:
            told += os.read(ours, 4096)
        os.write(ours, (bucket.name if typed == "the bucket" else typed).encode() + b"\n")
        for piece in _pieces(ours):
            told += piece
    finally:
        os.close(ours)
        status = process.wait(WITHIN)
    text = " ".join(told.decode().split())
    assert f"Restore {NEW_VERSIONS} keys of {bucket.name} in place to what they were" in text
    if typed == "the bucket":
        assert status == 0
        assert bucket.state() == then
    else:
        assert status == 3
        assert "not confirmed: nothing was written" in text
        assert bucket.versions() == before


def _pieces(terminal: int) -> Iterator[bytes]:
    """What is said on a terminal, until nobody has it open any more."""
    while True:
        try:
            yield os.read(terminal, 4096)
        except OSError:
            return
