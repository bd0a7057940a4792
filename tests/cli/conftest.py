"""One emulator for all tests of this folder; each test has a bucket with a past, and a terminal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli.__main__ import main
from functions import clock, evidence, ledger
from functions.s3_versions import objects
from lab import aws
from lab.emulator import Emulator
from tests.cli.deployment import Deployed
from tests.emulator.s3_bucket import S3Bucket

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "restore-bucket.schema.json").read_text())
WITHIN = 30.0
"""Seconds that a process may take; one that is well takes one or two."""

BEFORE, AT, AFTER = timedelta(hours=2), timedelta(hours=1), timedelta(minutes=30)

AWKWARD = (
    "line\nbreak",
    "a+b c%41",
    "q?versionId=1&x=#",
    "😀 é e\u0301",
    "x" * 1024,
    "/leading//slash",
    "a/../b",
    "..",
    "escape\x1b[2J",
    "<&>\"'",
)

Held = tuple[bytes, dict[str, str], tuple[tuple[str, str], ...]]
"""Of a key: its bytes, its metadata, its tags."""


@dataclass(kw_only=True)
class Past(S3Bucket):
    """A bucket whose history was written at times that lie back."""

    def then(self, ago: timedelta) -> None:
        """What is written from now on is dated so long ago."""
        self.emulator.clock_skew = -ago

    def state(self) -> dict[str, Held]:
        """What every key is now, all of it read."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {
            entry["Key"]: self._held(entry["Key"])
            for page in pages
            for entry in page.get("Contents", [])
        }

    def _held(self, key: str) -> Held:
        got = self.s3.get_object(Bucket=self.name, Key=key)
        tags = self.s3.get_object_tagging(Bucket=self.name, Key=key)["TagSet"]
        pairs = tuple(sorted((tag["Key"], tag["Value"]) for tag in tags))
        return got["Body"].read(), got["Metadata"], pairs

    def versions(self) -> list[tuple[str, str]]:
        """Every key and version id there is, markers too."""
        return [(shown.key, shown.version) for shown in self.listed()]


@dataclass(kw_only=True)
class Ran:
    """A command after its end."""

    status: int
    out: str
    err: str


@dataclass(kw_only=True)
class Started:
    """A command in a process of its own; what it says is kept in files."""

    process: subprocess.Popen[bytes]
    folder: Path

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def waits_until(self, told: str) -> None:
        """Until it has said that on its standard error."""
        deadline = time.monotonic() + WITHIN
        while told not in (self.folder / "err").read_text():
            assert self.process.poll() is None, f"it ended without saying {told!r}"
            assert time.monotonic() < deadline, f"it does not say {told!r}"
            time.sleep(0.01)

    def ended(self) -> Ran:
        """When it has ended."""
        status = self.process.wait(WITHIN)
        out, err = ((self.folder / name).read_text() for name in ("out", "err"))
        return Ran(status=status, out=out, err=err)


@dataclass
class Terminal:
    """Runs the command line in a folder of its own, in this process or in another one."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    environment: dict[str, str]
    started: list[Started] = field(default_factory=list)

    def run(self, *words: str) -> Ran:
        return self.type("restore-bucket", *words)

    def type(self, *words: str) -> Ran:
        """Any command."""
        self.capture.readouterr()
        status = main(words)
        out, err = self.capture.readouterr()
        return Ran(status=status, out=out, err=err)

    def restore(self, bucket: S3Bucket, at: str, *words: str) -> Ran:
        return self.run(bucket.name, "--at", at, "--yes", *words)

    @property
    def command(self) -> list[str]:
        """The command line, up to the bucket."""
        return [sys.executable, "-m", "cli", "restore-bucket"]

    def start(self, *words: str) -> Started:
        """The same in a process of its own."""
        return self.begin("restore-bucket", *words)

    def begin(self, *words: str, **environment: str) -> Started:
        """Any command in a process of its own, with more in its environment."""
        folder = self.folder / f"run-{len(self.started)}"
        folder.mkdir()
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *words],
                cwd=self.folder,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self.started.append(Started(process=process, folder=folder))
        return self.started[-1]

    def end(self) -> None:
        for started in self.started:
            started.process.kill()
            started.process.wait()

    @property
    def plan(self) -> Path:
        """The folder of the only plan there is."""
        [folder] = (self.folder / ".backup-drills" / "restore").iterdir()
        return folder

    def report(self, name: str = "report.json") -> Any:
        """The report, which is as its schema says."""
        report = json.loads((self.folder / name).read_text())
        jsonschema.validate(report, SCHEMA)
        return report


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(folder=tmp_path_factory.mktemp("emulator"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def bucket(emulator: Emulator) -> Iterator[Past]:
    yield Past(emulator=emulator)
    emulator.s3.faults.clear()
    emulator.before_call.clear()
    emulator.after_call.clear()
    emulator.clock_skew = timedelta(0)


@pytest.fixture
def at() -> str:
    return clock.render((datetime.now(UTC) - AT).replace(microsecond=0))


@pytest.fixture
def terminal(
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Terminal]:
    access, secret, token = aws.NOBODY
    given = {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_REGION": aws.REGION,
        "AWS_DEFAULT_REGION": aws.REGION,
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "NO_PROXY": "127.0.0.1",
        "COLUMNS": "200",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    forget_clients()
    running = Terminal(tmp_path, capsys, {**os.environ, **given, "PYTHONPATH": str(ROOT)})
    yield running
    running.end()
    forget_clients()


def forget_clients() -> None:
    """Clients of this emulator are none for another one."""
    for kept in (objects.client, evidence._s3, ledger._dynamodb):
        kept.cache_clear()


@pytest.fixture(scope="package")
def deployment(emulator: Emulator) -> Deployed:
    return Deployed(emulator=emulator)


@pytest.fixture
def deployed(deployment: Deployed, terminal: Terminal) -> Iterator[Deployed]:
    """The deployment, which the terminal can reach; nothing has run in it."""
    del terminal
    deployment.emulator.invoke = deployment.machines.invoke
    yield deployment
    deployment.emulator.before_call.clear()
    deployment.forget()


def write_past(bucket: Past, *, keys: Sequence[str] = AWKWARD) -> dict[str, Held]:
    """A history with all that can become of a key; what the bucket was at the time."""
    everything = [*keys, "stays", "changed", "deleted", "again", "same", "meta", "tags", "empty"]
    bucket.then(BEFORE)
    bucket.put("gone before", b"0")
    bucket.delete("gone before")
    for key in everything:
        body = b"" if key == "empty" else f"{key} as it was".encode()
        bucket.put(key, body, Metadata={"of": "then"}, Tagging="kept=yes")
    bucket.put("changed", b"as it was, the second time", ContentType="text/html")
    state = bucket.state()
    bucket.then(AFTER)
    for number, key in enumerate([*keys, "changed", "empty"]):
        if number % 2:
            bucket.delete(key)
        else:
            bucket.put(key, b"written later")
    bucket.delete("deleted")
    bucket.delete("again")
    bucket.put("again", b"back, as another one")
    bucket.put("same", *state["same"][:1], Metadata={"of": "then"}, Tagging="kept=yes")
    bucket.put("meta", *state["meta"][:1], Metadata={"of": "now"}, Tagging="kept=yes")
    bucket.put("tags", *state["tags"][:1], Metadata={"of": "then"}, Tagging="kept=no")
    bucket.put("new", b"not there then")
    bucket.put("new and gone", b"neither")
    bucket.delete("new and gone")
    bucket.put("gone before", b"written again")
    bucket.then(timedelta(0))
    return state


def quoted(line: str) -> list[str]:
    """The words of a command line that was printed."""
    return shlex.split(line)
