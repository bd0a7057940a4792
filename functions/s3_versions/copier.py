"""Makes a bucket, or another one, what a plan says: many keys at once, each guarded by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from functions.s3_versions import deletes, sameness
from functions.s3_versions.forward import Forward
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.values import ARCHIVED, LARGEST_COPY, NULL, Action, Diff, How
from functions.s3_versions.watch import LOOK_SECONDS, VersioningLost, Watch
from functions.s3_versions.wire import Bucket, NoAnswer, RequestFailed, RequestRefused

__all__ = ["Copier", "Outcome", "Result", "VersioningLost"]

_AHEAD: Final = 2
"""Tasks that are taken ahead, for each thread."""

_TOGETHER: Final = 8
"""Copies that are one task while all threads are busy: each task costs two switches of threads."""

_SMALL: Final = 8 * 1024 * 1024
"""Bytes up to which a copy does not make others wait."""

_KEPT: Final = 4096
"""Actions that wait behind one that is still being compared."""


class _Done(NamedTuple):
    """What came of a task, and the error that ended it early."""

    found: list[Any]
    error: BaseException | None


class _Task(NamedTuple):
    """Work of one thread; what comes of it goes to `done`."""

    work: Callable[[], Iterable[Any]]
    done: SimpleQueue[_Done]


class Copier:
    """Copies versions from one bucket forward into another, or into the same one.

    All writes go through the pace of the target. Once versioning was found to be lost it writes
    nothing any more. Close it, or use it as a context manager; the buckets stay open.
    """

    def __init__(
        self,
        source: Bucket,
        target: Bucket,
        *,
        threads: int = 16,
        thaw_days: int = 7,
        thaw_tier: str = "Standard",
        largest_copy: int = LARGEST_COPY,
        most_read: int = sameness.MOST_READ,
        encryption: bool = False,
        verify_current: bool = False,
        unversioned_target: bool = False,
        look_seconds: float = LOOK_SECONDS,
        began_upload: Callable[[str, str], object] = lambda _key, _upload: None,
    ) -> None:
        """Start no thread yet.

        `largest_copy` bytes are copied by one request, what is larger in parts; up to `most_read`
        bytes are read to compare what S3 tells nothing of. `encryption` says that versions may be
        encrypted otherwise than the target does by default: how each is encrypted is asked,
        compared, and the same for its copy; without it a copy gets the target's default.
        `verify_current` says that the actions are older: right before a write it is asked whether
        the very version is current that the listing saw; another one is a conflict even of the same
        ETag, except where both have the id "null". Markers are then added one by one.

        The target's versioning must be Enabled, and is looked at each `look_seconds`, unless it is
        another bucket than the source and `unversioned_target` says that it need not be.
        `began_upload` gets key and id of each upload in parts, from the threads, so that
        uploads.abort_left can end those that a kill leaves behind.
        """
        self.source = source
        self.target = target
        self._most_read = most_read
        self._encryption = encryption
        self._verify_current = verify_current
        watched = source.name == target.name or not unversioned_target
        self._watch = Watch(target if watched else None, seconds=look_seconds)
        self._forward = Forward(
            source=source,
            target=target,
            largest_copy=largest_copy,
            most_read=most_read,
            thaw_days=thaw_days,
            thaw_tier=thaw_tier,
            encryption=encryption,
            verify_current=verify_current,
            watch=self._watch,
            began_upload=began_upload,
        )
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._number = threads
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads, once they have done what they were given."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def apply(
        self, actions: Iterable[Action], *, stop: threading.Event | None = None
    ) -> Iterator[Outcome]:
        """Do the actions, and tell of each as it ends, in no order.

        Few are taken ahead. Once `stop` is set no more are taken; those that were are ended, and
        told. What cannot be done is an outcome too. Raises VersioningLost where versioning is lost,
        RequestRefused, NoAnswer or UnreadableAnswer where S3 does not tell of it, TlsFailed,
        BucketClosed and botocore's errors, after telling of what was done; and what `actions`
        raises.
        """
        began = time.monotonic()
        running = _Running(self._start())
        copies: list[Action] = []
        batch = deletes.Batch()
        try:
            try:
                for action in actions:
                    way = self._way(action)
                    if way is not How.NOTHING:
                        self._watch.look(since=began)
                    if way is How.NOTHING:
                        yield _nothing(action)
                    elif way is How.COPY and action.size <= _SMALL:
                        copies.append(action)
                        if running.left < self._number or len(copies) == _TOGETHER:
                            running.give(self._copied(copies))
                            copies = []
                    elif way in (How.COPY, How.COMPARE, How.THAW):
                        running.give(self._single(action))
                    elif self._goes_alone(action):
                        running.give(self._deleted_alone(action))
                    else:
                        if not batch.takes(action):
                            running.give(self._deleted(batch))
                            batch = deletes.Batch()
                        batch.add(action)
                    while running.left >= self._ahead or running.ready:
                        yield from running.take()
                    if running.error or self._watch.lost or (stop and stop.is_set()):
                        break
            except Exception as error:  # what has begun is told first
                running.error = running.error or error
            if copies:
                running.give(self._copied(copies))
            if batch:
                running.give(self._deleted(batch))
            while running.left:
                yield from running.take()
        finally:
            running.wait()
        running.error = running.error or self._watch.lost
        if running.error:
            raise running.error

    def resolve(self, actions: Iterable[Action]) -> Iterator[Action]:
        """The actions in their order, those to be compared turned into what they come to.

        Where both are the same the action is to do nothing, of an unchanged key; else to copy, or
        to ask back. Where S3 refuses to tell it is to copy, and the copy will say why not.

        Raises NoAnswer, TlsFailed, BucketClosed, botocore's errors, and what `actions` raises.
        """
        running = _Running(self._start())
        found: dict[int, Action] = {}
        following = 0
        try:
            for number, action in enumerate(actions):
                if action.how is How.COMPARE:
                    running.give(self._numbered(number, action))
                else:
                    found[number] = action
                while running.ready or running.left >= (1 if len(found) > _KEPT else self._ahead):
                    found.update(running.take())
                    if running.error:
                        raise running.error
                while following in found:
                    yield found.pop(following)
                    following += 1
            while running.left:
                found.update(running.take())
                if running.error:
                    raise running.error
            for number in sorted(found):
                yield found[number]
        finally:
            running.wait()

    @property
    def _ahead(self) -> int:
        return self._number * _AHEAD

    def _start(self) -> SimpleQueue[_Task | None]:
        while len(self._threads) < self._number:
            name = f"copy-{self.target.name}-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self._tasks

    def _work(self) -> None:
        while task := self._tasks.get():
            found: list[Any] = []
            try:
                found.extend(task.work())
                task.done.put(_Done(found, None))
            except BaseException as error:  # raised again where the task was given
                task.done.put(_Done(found, error))

    def _way(self, action: Action) -> How:
        """A null marker is replaced by whoever writes next: removing it by id may remove that."""
        if action.how is How.UNDELETE and NULL in action.markers:
            return How.COPY
        return action.how

    def _goes_alone(self, action: Action) -> bool:
        verified = self._verify_current and action.how is How.MARKER
        return verified or not deletes.fits(action)

    def _single(self, action: Action) -> Callable[[], list[Outcome]]:
        def work() -> list[Outcome]:
            began = time.perf_counter()
            try:
                compared = self._compared(action) if action.how is How.COMPARE else action
            except NoAnswer as failed:
                return [Outcome(action, Result.FAILED, detail=str(failed))]
            if compared.how is How.NOTHING:
                seconds = time.perf_counter() - began
                return [Outcome(action, Result.ALREADY, compared.current, seconds)]
            thaws = compared.how is How.THAW
            return [self._forward.thaw(action) if thaws else self._forward.copy(action)]

        return work

    def _copied(self, actions: list[Action]) -> Callable[[], Iterator[Outcome]]:
        return lambda: map(self._forward.copy, actions)

    def _deleted(self, batch: deletes.Batch) -> Callable[[], Iterator[Outcome]]:
        return lambda: batch.send(self.target, self._watch)

    def _deleted_alone(self, action: Action) -> Callable[[], list[Outcome]]:
        def work() -> list[Outcome]:
            try:
                changed = self._forward.changed(action)
            except RequestFailed as failed:
                return [Outcome(action, Result.FAILED, detail=str(failed))]
            return [changed or deletes.delete_alone(self.target, action, self._watch)]

        return work

    def _numbered(self, number: int, action: Action) -> Callable[[], list[tuple[int, Action]]]:
        return lambda: [(number, self._compared(action))]

    def _compared(self, action: Action) -> Action:
        try:
            wanted = sameness.look(self.source, action.key, action.version)
            current = sameness.look(self.target, action.key)
            if (
                wanted
                and current
                and sameness.is_same(
                    self.source,
                    wanted,
                    self.target,
                    current,
                    most_read=self._most_read,
                    encryption=self._encryption,
                )
            ):
                return replace(
                    action, diff=Diff.UNCHANGED, how=How.NOTHING, current=current.version
                )
        except RequestRefused:
            pass  # of what cannot be compared the copy tells why it cannot be copied either
        how = How.THAW if action.storage_class in ARCHIVED else How.COPY
        return replace(action, diff=Diff.CHANGE, how=how)


class _Running:
    """Tasks that were given to the threads, as one caller sees them."""

    def __init__(self, tasks: SimpleQueue[_Task | None]) -> None:
        self._tasks = tasks
        self._done: SimpleQueue[_Done] = SimpleQueue()
        self.left = 0
        self.error: BaseException | None = None

    @property
    def ready(self) -> bool:
        """Whether a task has ended that was not taken yet."""
        return not self._done.empty()

    def give(self, work: Callable[[], Iterable[Any]]) -> None:
        self._tasks.put(_Task(work, self._done))
        self.left += 1

    def take(self) -> list[Any]:
        """What came of one of them, waited for; the first error is kept."""
        found, error = self._done.get()
        self.left -= 1
        self.error = self.error or error
        return found

    def wait(self) -> None:
        """Until all have ended."""
        while self.left:
            self.take()


def _nothing(action: Action) -> Outcome:
    if action.diff is Diff.UNRESTORABLE:
        return Outcome(action, Result.FAILED, detail=action.reason)
    return Outcome(action, Result.ALREADY, action.current)
