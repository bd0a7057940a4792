"""What cannot be right does not begin: one line on stderr, exit status 3, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli import access
from tests.cli.conftest import Past, Ran, Terminal

REFUSED = 3


def refused(ran: Ran, told: str) -> None:
    assert ran.status == REFUSED
    assert told in ran.err
    assert ran.err.startswith("could not run: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--at", "2026-11-02T05:00:00"],
            "--at: '2026-11-02T05:00:00': expected a time with a zone",
        ),
        (["--at", "2126-11-02T05:00:00Z"], "--at: '2126-11-02T05:00:00Z': expected a time in the"),
        (["--at", "1h ago", "--to", "BUCKET"], "is the bucket itself: expected another one"),
        (["--at", "1h ago", "--to", "x", "--undelete"], "--undelete: it brings versions back in"),
        (["--at", "1h ago"], "--yes: not given, and there is no terminal to ask at: expected"),
        (
            ["--at", "1h ago", "--yes", "--to", "no-such"],
            "--to: 'no-such': there is no such bucket",
        ),
        (["--at", "1h ago", "--yes", "--report", "no/r.json"], "--report: 'no/r.json': expected a"),
        (["--at", "1h ago", "--yes", "--report", "."], "--report: '.': expected a file"),
        (["--at", "1h ago", "--yes", "--work", "a file"], "a file"),
    ],
)
def test_arguments(bucket: Past, terminal: Terminal, words: list[str], told: str) -> None:
    (terminal.folder / "a file").write_text("")
    bucket.put("k")
    before = bucket.versions()
    given = [bucket.name if word == "BUCKET" else word for word in words]
    refused(terminal.run(bucket.name, *given), told)
    assert bucket.versions() == before


def test_a_bucket_that_is_not_there(terminal: Terminal) -> None:
    refused(
        terminal.run("no-such-bucket", "--at", "1h ago", "--yes"),
        "BUCKET: 'no-such-bucket': there is no such bucket: expected a bucket that is there",
    )


@pytest.mark.parametrize(
    ("versioning", "state"), [(None, "versioning is off"), ("Suspended", "versioning is Suspended")]
)
def test_in_place_without_versioning(
    bucket: Past, terminal: Terminal, versioning: str | None, state: str
) -> None:
    unversioned = Past(emulator=bucket.emulator, versioning=versioning)
    unversioned.put("k", b"kept")
    refused(terminal.run(unversioned.name, "--at", "1h ago", "--yes"), state)
    assert unversioned.read("k") == b"kept"


def test_into_objects_without_versioning(bucket: Past, terminal: Terminal) -> None:
    other = Past(emulator=bucket.emulator, versioning=None)
    other.put("a/k")
    words = (bucket.name, "--at", "1h ago", "--yes", "--to", other.name)
    refused(terminal.run(*words), f"--to: '{other.name}': versioning is off and it has objects")
    refused(terminal.run(*words, "--prefix", "a/"), "it has objects below 'a/'")
    assert terminal.run(*words, "--prefix", "b/").status == 0


@pytest.mark.parametrize("operation", ["GetBucketVersioning", "GetBucketLifecycleConfiguration"])
def test_a_bucket_that_may_not_be_looked_at(
    bucket: Past, terminal: Terminal, operation: str
) -> None:
    bucket.emulator.s3.faults.refuse(operation, code="AccessDenied", status=403)
    refused(terminal.run(bucket.name, "--at", "1h ago", "--yes"), operation)


def test_a_listing_that_is_denied(bucket: Past, terminal: Terminal) -> None:
    bucket.emulator.s3.faults.refuse("ListObjectVersions", code="AccessDenied", status=403)
    refused(terminal.run(bucket.name, "--at", "1h ago", "--yes"), "AccessDenied")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "expected a lab that is up: python -m lab up"),
        ("{", "expected a lab that is up: python -m lab up"),
        ("{}", "expected a lab that is up: python -m lab up"),
        ('{"endpoint": "http://127.0.0.1:9"}', "nothing answers at http://127.0.0.1:9: "),
    ],
)
def test_a_lab_that_is_not_up(
    terminal: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
    told: str,
) -> None:
    ready = tmp_path / "ready.json"
    if content is not None:
        ready.write_text(content)
    monkeypatch.setattr(access, "READY", ready)
    refused(terminal.run("b", "--at", "1h ago", "--yes", "--lab"), told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda given: given.update(AWS_PROFILE="no-such"), "no-such"),
        (
            lambda given: [
                given.pop(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
            ],
            "credentials",
        ),
    ],
)
def test_an_environment_that_cannot_work(
    terminal: Terminal, bucket: Past, change: Callable[[dict[str, str]], object], told: str
) -> None:
    """In a process of its own: the SDK keeps what it once found."""
    change(terminal.environment)
    terminal.environment["AWS_EC2_METADATA_DISABLED"] = "true"
    ran = terminal.start(bucket.name, "--at", "1h ago", "--yes").ended()
    refused(ran, told)
    assert ran.out == ""
