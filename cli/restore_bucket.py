"""`restore-bucket`: look, plan, show, ask, apply, verify, report."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from cli.uploads import Uploads
from cli.verification import Verification
from cli.words import shown
from functions import clock
from functions.errors import DrillError
from functions.s3_versions import confirmed
from functions.s3_versions.confirmed import MOST_READ, Copy
from functions.s3_versions.copier import Copier, VersioningLost
from functions.s3_versions.facts import ENABLED
from functions.s3_versions.restore import plan_range
from functions.s3_versions.values import Action, Diff, How, moment
from functions.s3_versions.wire import Bucket, RequestFailed

EXPECTED: Final = (BotoCoreError, CannotRun, ClientError, DrillError, OSError)
"""The errors that say what to do; any other is a fault of ours, and shows its traceback."""

FRESH: Final = timedelta(minutes=5)
"""How long after it began to be listed a bucket is changed without a look at each key again."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

OTHERS: Final = "another object is there, of which no version would be left: not replaced"


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
    source, target, account = _reached(command, options)
    plan = PlanFile(options.work / "restore" / command.folder(source.endpoint))
    with Lock(plan.folder):
        found = preflight.look(
            command, source, target, account=account, known=plan.touched(), now=began
        )
        console.print(display.headline(command))
        for line in display.preflight(preflight.lines(found, keeps_encryption=command.encryption)):
            console.print(line, soft_wrap=True)
        preflight.refuse(found, command, past_horizon=options.past_horizon)
        story = Story(
            command=command,
            options=options,
            began_at=clock.render(began),
            found=found,
            plan=plan,
        )
        with Stopping(summary.farewell(story)) as stopping:
            with ExitStack() as opened:
                work = _Work(story, console, stopping, opened, source, target)
                try:
                    work.restore()
                except KeyboardInterrupt:
                    story.ended = Ended.STOPPED
                except EXPECTED as error:
                    if not work.begun:
                        raise
                    lost = isinstance(error, VersioningLost)
                    story.ended = Ended.VERSIONING_LOST if lost else Ended.STOPPED
                    story.trouble = str(error)
            for line in summary.lines(story):
                console.print(line, soft_wrap=True)
            return _reported(story, console)


def _reached(command: Command, options: Options) -> tuple[Reached, Reached, str]:
    """The bucket, that which is written to, and the account of the credentials."""
    source = access.reach("BUCKET", command.bucket, threads=options.threads)
    account = access.account(source)
    source = access.owned("BUCKET", source, options.owner or account)
    if not command.to:
        return source, source, account
    target = access.reach("--to", command.to, threads=options.threads)
    return source, access.owned("--to", target, options.to_owner or account), account


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
        self.read_at = datetime.now(UTC)
        self.reached = target
        self.source = opened.enter_context(_bucket(source, story.options))
        self.target = self.source
        if target is not source:
            self.target = opened.enter_context(_bucket(target, story.options))
        self.uploads = Uploads(story.plan.uploads)
        self.copier, self.looking = (
            opened.enter_context(
                Copier(
                    self.source,
                    self.target,
                    threads=story.options.threads,
                    most_read=MOST_READ,
                    encryption=story.command.encryption,
                    verify_current=looking,
                    unversioned_target=not story.found.keeps_versions,
                    began_upload=self.uploads.note,
                )
            )
            for looking in (False, True)
        )

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
        self.read_at = _LONG_AGO
        left = (
            action
            for number, action in enumerate(story.plan.read())
            if action.diff is not Diff.UNCHANGED and not standing.settled(number)
        )
        return seal, list(islice(left, story.options.show))

    def _decided(self, reading: Reading, horizon: str, follow: Follow) -> Iterator[Action]:
        """What is to be done with each key, nothing left to be compared."""
        command = self.story.command
        planned = plan_range(
            self.source,
            moment(command.at),
            to=self.target if command.to else None,
            prefix=command.prefix,
            undelete=command.undelete,
            horizon=horizon,
            etags_tell=False,  # any object may be under a key of its own
            doubts=command.doubts,
            through=reading.entries,
            through_there=reading.entries,
        )
        with closing(planned):
            settled = known.settle(planned, known.read(self.story.plan.known))
            actions = self.copier.resolve(reading.actions(settled))
            if not self.story.found.keeps_versions:
                actions = map(_not_over_others, actions)
            for action in actions:
                follow.tick()
                yield action

    def _show(self, seal: Seal, first: list[Action]) -> None:
        story, counts = self.story, seal.counts
        aborts = story.found.aborts_uploads
        self.console.print(display.plan(counts, story.command, aborts=aborts))
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
        self._check_versioning()
        self._abort_uploads()
        self.begun = True

        def stopping() -> None:
            writing.stopping = True

        with self._timed("write"), Follow(self.console, "restoring", writing) as follow:

            def each() -> None:
                writing.passed += 1
                follow.tick()

            try:
                with self.stopping.gently(stopping):
                    apply(story.plan, self._writer, standing, stop=self.stopping.asked, each=each)
            finally:
                story.written, story.written_bytes = writing.passed, writing.bytes
                writing.stopping = False
        self._check_versioning()
        if self.stopping.asked.is_set():
            return False
        story.plan.end(seal, now=datetime.now(UTC))
        return True

    def _writer(self) -> Copier:
        """The copier for what is written now: one that looks again, once the listing is old."""
        return self.looking if datetime.now(UTC) - self.read_at > FRESH else self.copier

    def _abort_uploads(self) -> None:
        """End what an earlier run of the same left unfinished; where that fails it is said."""
        try:
            for upload in self.uploads.abort(self.target, self.story.command.prefix):
                told = f"aborted an unfinished copy in parts of {shown(upload.key)}"
                self.console.print(Text(told, style="dim"))
        except RequestFailed as failed:
            told = f"an unfinished copy in parts may be left, and billed: {failed}"
            self.console.print(Text(told, style="yellow"))

    def _check_versioning(self) -> None:
        """Raises VersioningLost where the bucket that is written to is not as it was found."""
        planned, now = self.story.found.target.facts.versioning, access.versioning(self.reached)
        if now not in (planned, ENABLED):
            raise VersioningLost(
                f"{self.reached.name!r}: versioning is {now or 'off'}: expected {planned or 'off'}"
                f" as it was found, or {ENABLED}"
            )

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
                    done, story.options.sample, story.found, chance=random.SystemRandom()
                ):
                    found.sample.append(one)
                    sampling.read += 1
                    sampling.unlike += bool(one.problem)
        story.verification = found

    def _is_copy(self, noted: Noted) -> bool:
        """Only of what is too large to be read: all else was compared."""
        copy = Copy(noted.key, noted.source, noted.made)
        kept = self.story.command.encryption
        return noted.bytes > MOST_READ and confirmed.agrees(
            copy, self.source, self.target, encryption=kept
        )

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.story.seconds[name] = time.monotonic() - began


def _not_over_others(action: Action) -> Action:
    """Where no version would be left of it, what somebody else has put there is not replaced.

    >>> one = Action(key="a", diff=Diff.CHANGE, how=How.COPY, expects="e7ag")
    >>> _not_over_others(one).diff.value
    'unrestorable'
    """
    if action.how is How.NOTHING or not action.expects:
        return action
    return replace(action, diff=Diff.UNRESTORABLE, how=How.NOTHING, reason=OTHERS)


def _bucket(reached: Reached, options: Options) -> Bucket:
    return Bucket(
        reached.name,
        client=reached.client,
        owner=reached.owner,
        connections=options.threads,
    )
