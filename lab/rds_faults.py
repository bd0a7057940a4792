"""What a test makes an operation of RDS do: answer late, or fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.calls import Refusal


@dataclass(kw_only=True, slots=True)
class _Fault:
    operation: str
    times: int
    seconds: float = 0.0
    after: bool = False
    refusal: Refusal | None = None


class Faults:
    """The faults planned for the next calls, by the operation's name (CreateDBInstance)."""

    def __init__(self) -> None:
        """None yet."""
        self._planned: list[_Fault] = []
        self._lock = threading.Lock()

    def fail(
        self,
        operation: str,
        *,
        code: str,
        status: int = 400,
        message: str = "made to fail by the lab",
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Let the next calls of an operation fail with this wire code and HTTP status.

        `after` lets them take effect first, as when an answer is lost on its way.
        """
        refusal = Refusal(code, message, status)
        self._plan(_Fault(operation=operation, times=times, after=after, refusal=refusal))

    def delay(self, operation: str, *, seconds: float, times: int = 1) -> None:
        """Let the next calls of an operation take longer, before they do anything."""
        self._plan(_Fault(operation=operation, times=times, seconds=seconds))

    @contextmanager
    def around(self, operation: str, wait: Callable[[float], object]) -> Iterator[None]:
        """Carry out what is planned for this call, before and after it.

        Raises the planned Refusal, which is the answer.
        """
        due = self._take(operation)
        for fault in due:
            wait(fault.seconds)
            if not fault.after:
                _raise(fault)
        yield
        for fault in due:
            if fault.after:
                _raise(fault)

    def _plan(self, fault: _Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def _take(self, operation: str) -> list[_Fault]:
        """The delay and the failure that were planned first, in this order, used once."""
        with self._lock:
            planned = [fault for fault in self._planned if fault.operation == operation]
            delays = [fault for fault in planned if fault.refusal is None][:1]
            failures = [fault for fault in planned if fault.refusal is not None][:1]
            for fault in delays + failures:
                fault.times -= 1
            self._planned = [fault for fault in self._planned if fault.times > 0]
            return delays + failures


def _raise(fault: _Fault) -> None:
    if fault.refusal is not None:
        raise fault.refusal
