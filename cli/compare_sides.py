"""The two sides of a comparison: sessions of each, several at once, and what they are asked."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final, TypeVar

from functions.aurora import database
from functions.aurora.database import QueryFailed, Session
from functions.errors import DrillError, LoginRefused, NotReachable, TlsFailed, TryAgain

APPLICATION: Final = "backup-drills compare"
ATTEMPTS: Final = 3
_TIMED_OUT: Final = "57014"

Answer = TypeVar("Answer")


class TookTooLong(DrillError):
    """When a statement took longer than it may."""


class Stopped(DrillError):
    """When the comparison ends before its end."""


class Side:
    """One of the two. `name` is what people call it; `seconds` limit each of its statements."""

    def __init__(self, name: str, text: str, *, connections: int, seconds: float) -> None:
        """Nothing is opened yet. Raises BadConnectionString."""
        try:
            self._told = database.told(text)
        except database.BadConnectionString as error:
            raise database.BadConnectionString(f"--{name}: {error}") from None
        self.name = name
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix=name)
        self._idle: queue.SimpleQueue[tuple[Session, ExitStack]] = queue.SimpleQueue()
        self._open: set[Session] = set()
        self._lock = threading.Lock()
        self._closing = False

    @property
    def shown(self) -> str:
        """Where it is."""
        return self._told.shown

    def ask(self, question: Callable[[Session], Answer]) -> Answer:
        """The answer, from a transaction of its own that reads and does nothing else.

        What passes is asked again. Raises TookTooLong, QueryFailed, TryAgain, and what a login may
        raise.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._ask(question)
            except QueryFailed as failure:
                if failure.sqlstate == _TIMED_OUT:
                    raise TookTooLong(f"{self.name}: {failure}") from None
                if not failure.passing or attempt + 1 == ATTEMPTS:
                    raise
            except TryAgain:
                if attempt + 1 == ATTEMPTS:
                    raise
        raise AssertionError("an attempt ends in an answer or an error")

    def later(self, work: Callable[[Side], Answer]) -> Future[Answer]:
        """What comes of work with this side, in another thread."""
        return self._threads.submit(work, self)

    def close(self) -> None:
        """End what runs, and close all sessions."""
        with self._lock:
            self._closing = True
            running = list(self._open)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for session in running:
            session.stop()
        self._threads.shutdown(wait=True)
        while not self._idle.empty():
            self._idle.get()[1].close()

    def _ask(self, question: Callable[[Session], Answer]) -> Answer:
        session, stack = self._session()
        try:
            with session.snapshot(seconds=self._seconds):
                answer = question(session)
        except TryAgain:
            self._forget(session)
            stack.close()
            raise
        except BaseException:
            self._put_back(session, stack)
            raise
        self._put_back(session, stack)
        return answer

    def _session(self) -> tuple[Session, ExitStack]:
        try:
            session, stack = self._idle.get_nowait()
        except queue.Empty:
            stack = ExitStack()
            opened = database.open_told(self._told, application=APPLICATION)
            try:
                session = stack.enter_context(opened)
            except (LoginRefused, NotReachable, TlsFailed) as error:
                raise type(error)(f"--{self.name}: {error}") from None
        with self._lock:
            self._open.add(session)
            closing = self._closing
        if closing:
            self._put_back(session, stack)
            raise Stopped(f"{self.name}: stopped")
        return session, stack

    def _put_back(self, session: Session, stack: ExitStack) -> None:
        self._forget(session)
        self._idle.put((session, stack))

    def _forget(self, session: Session) -> None:
        with self._lock:
            self._open.discard(session)
