"""`restore-bucket`: look, plan, show, ask, apply, verify, report."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from cli import access, display, journal, known, preflight, report, summary, verification
from cli.access import Reached
from cli.applying import apply
from cli.arguments import Command, Options
from cli.errors import CannotRun
from cli.journal import Lock, Noted, Standing
from cli.plan_file import PlanFile, Seal
from cli.progress import Follow, Reading, Sampling, Writing
from cli.report import Ended, Story
from cli.stopping import Stopping
from cli.verification import Verification
from functions import clock
from functions.errors import DrillError
from functions.s3_versions import state_at
from functions.s3_versions.copier import Copier
from functions.s3_versions.restore import entries
from functions.s3_versions.sameness import MOST_READ
from functions.s3_versions.values import Action, Diff, How, moment
from functions.s3_versions.wire import Bucket

EXPECTED: Final = (BotoCoreError, CannotRun, ClientError, DrillError, OSError)
"""The errors that say what to do; any other is a fault of ours, and shows its traceback."""


def restore(command: Command, options: Options, console: Console) -> int:
    """Make the bucket what it was; the exit status. Raises CannotRun before anything is written,
    and what else is EXPECTED.
    """
    began = datetime.now(UTC)
    if options.lab:
        access.enter_lab(access.READY)
    if not (options.yes or options.dry_run or sys.stdin.isatty()):
        raise CannotRun("--yes: not given, and there is no terminal to ask at: expected --yes")
    if options.report:
        report.check(options.report)
    source = access.reach("BUCKET", command.bucket, threads=options.threads)
    target = source
    if command.to:
        target = access.reach("--to", command.to, threads=options.threads)
    found = preflight.look(command, source, target, now=began)
    console.print(display.headline(command))
    for line in display.preflight(preflight.lines(found)):
        console.print(line, soft_wrap=True)
    preflight.refuse(found, command, past_horizon=options.past_horizon)
    plan = PlanFile(options.work / "restore" / command.folder(source.endpoint))
    story = Story(
        command=command,
        options=options,
        began_at=clock.render(began),
        found=found,
        plan=plan,
    )
    with Lock(plan.folder), Stopping(summary.farewell(story)) as stopping:
        with ExitStack() as opened:
            work = _Work(story, console, stopping, opened, source, target)
            try:
                work.restore()
            except KeyboardInterrupt:
                story.ended = Ended.STOPPED
            except EXPECTED as error:
                if not work.begun:
                    raise
                story.ended, story.trouble = Ended.STOPPED, str(error)
        for line in summary.lines(story):
            console.print(line, soft_wrap=True)
        return _reported(story, console)


def _reported(story: Story, console: Console) -> int:
    """The exit status, once the report is written, if there is to be one."""
    status, path = story.exit_status, story.options.report
    if path is None:
        return status
    try:
        report.write(path, story, ended_at=_now(), status=status)
    except OSError as error:
        console.print(f"there is no report: {error}", style="bold red", markup=False)
        return status or 1
    console.print(f"report: {path}", style="dim", markup=False, soft_wrap=True)
    return status


def _now() -> str:
    return clock.render(datetime.now(UTC))


class _Work:
    """The steps of one restore, in order."""

    def __init__(
        self,
        story: Story,
        console: Console,
        stopping: Stopping,
        opened: ExitStack,
        source: Reached,
        target: Reached,
    ) -> None:
        self.story, self.console, self.stopping = story, console, stopping
        self.begun = False
        self.source = opened.enter_context(_bucket(source, story.options))
        self.target = self.source
        if target is not source:
            self.target = opened.enter_context(_bucket(target, story.options))
        self.copier = Copier(
            self.source, self.target, threads=story.options.threads, most_read=MOST_READ
        )
        self.kms = any(
            place.facts.encryption.startswith("aws:kms")
            for place in (story.found.source, story.found.target)
        )
        opened.callback(self.copier.close)

    def restore(self) -> None:
        """Everything, from the plan on. Raises KeyboardInterrupt, and what is EXPECTED."""
        story = self.story
        seal, first = self._planned()
        story.seal = seal
        self._show(seal, first)
        if not seal.counts.actions:
            story.ended = Ended.NOTHING_TO_DO
        elif story.options.dry_run:
            story.ended = Ended.DRY_RUN
        elif not self._confirmed(seal.counts.actions - story.standing.good):
            story.ended = Ended.NOT_CONFIRMED
        elif self._apply(seal):
            self._verify(seal)
            story.ended = Ended.RESTORED
        else:
            story.ended = Ended.STOPPED

    def _planned(self) -> tuple[Seal, list[Action]]:
        """The plan to go on with, or one made anew; and the first lines of it."""
        story = self.story
        pending = story.plan.pending(story.command.to_record(), now=datetime.now(UTC))
        if pending and not story.options.anew:
            return self._taken_up(pending)
        first: list[Action] = []
        reading = Reading()
        horizon = story.found.horizon

        def seen(actions: Iterator[Action]) -> Iterator[Action]:
            for action in actions:
                if action.diff is not Diff.UNCHANGED and len(first) < story.options.show:
                    first.append(action)
                yield action

        with self._timed("plan"), Follow(self.console, "reading", reading) as follow:
            counts = story.plan.write(seen(self._decided(reading, horizon, follow)))
        seal = Seal(
            command=story.command.to_record(),
            made_at=_now(),
            horizon=horizon,
            counts=counts,
            versions=reading.versions,
            seconds=story.seconds["plan"],
        )
        story.plan.seal(seal)
        story.standing = Standing(counts.lines)
        return seal, first

    def _taken_up(self, seal: Seal) -> tuple[Seal, list[Action]]:
        """The plan of a restore that was interrupted, and what of it is left."""
        story = self.story
        standing = story.standing = Standing(seal.counts.lines)
        for noted in journal.read(story.plan.journal):
            standing.take(noted)
        story.resumed = True
        left = (
            action
            for number, action in enumerate(story.plan.read())
            if action.diff is not Diff.UNCHANGED and not standing.settled(number)
        )
        return seal, list(islice(left, story.options.show))

    def _decided(self, reading: Reading, horizon: str, follow: Follow) -> Iterator[Action]:
        """What is to be done with each key, nothing left to be compared."""
        command = self.story.command
        at = moment(command.at)
        found = reading.entries(entries(self.source, prefix=command.prefix))
        if command.to:
            there = reading.entries(entries(self.target, prefix=command.prefix))
            actions = state_at.plan_elsewhere(found, there, at, horizon=horizon)
        else:
            actions = state_at.plan(found, at, undelete=command.undelete, horizon=horizon)
        actions = known.settle(actions, known.read(self.story.plan.known))
        if self.kms:
            actions = map(_to_be_compared, actions)
        for action in self.copier.resolve(reading.actions(actions)):
            follow.tick()
            yield action

    def _show(self, seal: Seal, first: list[Action]) -> None:
        story, counts = self.story, seal.counts
        self.console.print(display.plan(counts, story.command))
        if story.resumed:
            self.console.print(Text(summary.taken_up(story, seal), style="bold"))
        for action in first:
            self.console.print(display.difference(action), soft_wrap=True)
        self.console.print(Text(f"the whole plan: {story.plan.path}", style="dim"), soft_wrap=True)

    def _confirmed(self, left: int) -> bool:
        command, options = self.story.command, self.story.options
        if options.yes or not left:
            return True
        try:
            typed = self.console.input(Text(display.question(command, left)))
        except EOFError:
            return False
        return typed.strip() == command.written_to

    def _apply(self, seal: Seal) -> bool:
        """Whether all of the plan was gone through."""
        story, standing = self.story, self.story.standing
        writing = Writing(
            standing=standing,
            total=seal.counts.actions,
            good_before=standing.good,
            bytes_before=standing.bytes,
        )
        self.begun = True

        def stopping() -> None:
            writing.stopping = True

        with self._timed("write"), Follow(self.console, "restoring", writing) as follow:

            def each() -> None:
                writing.passed += 1
                follow.tick()

            try:
                with self.stopping.gently(stopping):
                    apply(story.plan, self.copier, standing, stop=self.stopping.asked, each=each)
            finally:
                story.written, story.written_bytes = writing.passed, writing.bytes
                writing.stopping = False
        if self.stopping.asked.is_set():
            return False
        story.plan.end(seal, now=datetime.now(UTC))
        return True

    def _verify(self, seal: Seal) -> None:
        """Plan again, and read a sample back."""
        story = self.story
        found = Verification()
        with self._timed("verify"):
            reading = Reading()
            with Follow(self.console, "verifying", reading) as follow:
                again = self._decided(reading, seal.horizon, follow)
                found.differing = verification.compare(
                    again, story.plan, story.standing, is_copy=self._is_copy
                )
            done = journal.standing(story.plan.journal, story.standing)
            sampling = Sampling()
            with Follow(self.console, "reading back", sampling):
                for one in verification.sample(
                    done, story.options.sample, story.command, chance=random.SystemRandom()
                ):
                    found.sample.append(one)
                    sampling.read += 1
                    sampling.unlike += bool(one.problem)
        story.verification = found

    def _is_copy(self, noted: Noted) -> bool:
        return known.is_copy(self.source, self.target, noted, kms=self.kms, most_read=MOST_READ)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.story.seconds[name] = time.monotonic() - began


def _to_be_compared(action: Action) -> Action:
    """Under a KMS key a copy has another ETag than its source: only a look tells whether it is one.

    >>> one = Action(key="a", diff=Diff.CHANGE, how=How.COPY)
    >>> _to_be_compared(one).how.value
    'compare'
    """
    compares = action.diff is Diff.CHANGE and action.how is How.COPY
    return replace(action, how=How.COMPARE) if compares else action


def _bucket(reached: Reached, options: Options) -> Bucket:
    return Bucket(reached.name, client=reached.client, connections=options.threads)
