"""Who writes the very same bytes again keeps his version, once the listing is older."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from cli import restore_bucket
from cli.applying import apply
from cli.journal import Standing
from cli.plan_file import PlanFile
from functions.s3_versions.copier import Copier, Outcome, Result
from functions.s3_versions.values import Action, Diff, How
from tests.cli.conftest import AFTER, BEFORE, Past, Terminal

PURPOSE = {"on": "purpose"}


@pytest.fixture
def deployed(bucket: Past) -> Past:
    """Two keys are new since the time, two were overwritten."""
    bucket.then(BEFORE)
    for key in ("o0", "o1"):
        bucket.put(key, b"then")
    bucket.then(AFTER)
    for key in ("n0", "n1", "o0", "o1"):
        bucket.put(key, b"deployed")
    bucket.then(timedelta(0))
    return bucket


def again(bucket: Past, *keys: str) -> None:
    for key in keys:
        bucket.put(key, b"deployed", Metadata=PURPOSE)


def kept(bucket: Past, *keys: str) -> bool:
    return all(bucket.head(key)["Metadata"] == PURPOSE for key in keys)


def test_with_a_plan_that_is_gone_on_with(deployed: Past, terminal: Terminal, at: str) -> None:
    """The first run stops before it writes, for it may not look at versioning once more."""
    faults = deployed.emulator.s3.faults
    faults.refuse("GetBucketVersioning", code="AccessDenied", status=403, skip=2, times=99)
    assert terminal.restore(deployed, at).status == 2
    faults.clear()
    again(deployed, "n0", "o0")
    ran = terminal.restore(deployed, at, "--report", "report.json")
    assert ran.status == 1
    report = terminal.report()
    assert report["resumed"]
    assert {one["key"] for one in report["conflicts"]} == {"n0", "o0"}
    assert kept(deployed, "n0", "o0")
    assert deployed.state().keys() == {"n0", "o0", "o1"}
    assert deployed.read("o1") == b"then"


@pytest.mark.parametrize("fresh", [timedelta(days=1), timedelta(days=-1)])
def test_once_the_listing_is_older(
    deployed: Past,
    terminal: Terminal,
    at: str,
    monkeypatch: pytest.MonkeyPatch,
    fresh: timedelta,
) -> None:
    """They are written again between the listing and the first write."""
    monkeypatch.setattr(restore_bucket, "FRESH", fresh)
    deployed.emulator.s3.faults.before(
        "GetBucketVersioning", lambda _: again(deployed, "n0", "o0"), skip=1, times=1
    )
    ran = terminal.restore(deployed, at, "--report", "report.json")
    if fresh > timedelta(0):
        assert ran.status == 0, "an ETag alone does not tell"
        assert deployed.state().keys() == {"o0", "o1"}
    else:
        assert ran.status == 1
        assert {one["key"] for one in terminal.report()["conflicts"]} == {"n0", "o0"}
        assert kept(deployed, "n0", "o0")


def test_nobody_wrote_and_all_is_restored(
    deployed: Past, terminal: Terminal, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_bucket, "FRESH", timedelta(days=-1))
    ran = terminal.restore(deployed, at)
    assert ran.status == 0
    assert {key: held[0] for key, held in deployed.state().items()} == {
        "o0": b"then",
        "o1": b"then",
    }


class Writer:
    """A copier that takes some actions and tells that it did them."""

    def __init__(self, takes: int) -> None:
        self.left, self.done = takes, list[str]()

    def apply(self, actions: Iterator[Action]) -> Iterator[Outcome]:
        for action in actions:
            self.left -= 1
            self.done.append(action.key)
            yield Outcome(action, Result.DONE)


def test_the_copier_changes_in_the_midst_of_a_long_restore(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path)
    actions = [Action(key=f"k{n}", diff=Diff.CREATE, how=How.COPY) for n in range(5)]
    plan.write(iter(actions))
    first, second = Writer(2), Writer(9)

    def writer() -> Copier:
        return cast(Copier, first if first.left else second)

    standing = Standing(5)
    apply(plan, writer, standing, stop=threading.Event(), each=lambda: None)
    assert (first.done, second.done) == (["k0", "k1"], ["k2", "k3", "k4"])
    assert standing.good == 5
