"""What a test makes requests to S3 do: be refused, be cut off, fail inside a 200, meet a writer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from lab.calls import Call
from lab.s3_wire import S3Refusal

ANY = "*"
"""Stands for every operation."""

When = Callable[[Call], bool]


class HungUp(ConnectionError):
    """When the connection of a request is to be cut, without an answer."""


class _Kind(StrEnum):
    HOOK = "hook"
    REFUSE = "refuse"
    RESET = "reset"
    INSIDE = "inside"
    HANG_UP = "hang up"


@dataclass(kw_only=True, slots=True)
class Fault:
    """What happens to `times` calls of an operation, after `skip` that it leaves alone."""

    kind: _Kind
    operation: str
    times: int
    skip: int
    when: When | None
    refusal: S3Refusal = field(default_factory=lambda: _refusal("InternalError", 500))
    hook: Callable[[Call], object] | None = None

    def meets(self, call: Call) -> bool:
        """Whether this call is one of those it is about."""
        return self.operation in (ANY, call.operation) and (self.when is None or self.when(call))


class Faults:
    """The faults planned for the next calls, by the operation's name (CopyObject) or ANY.

    All take `times` (how many calls), `skip` (how many it leaves alone first: 2 means the third
    call) and `when` (which calls are counted at all). A call meets one fault, the first that was
    planned, and every hook.
    """

    def __init__(self) -> None:
        """None yet."""
        self._planned: list[Fault] = []
        self._keys: dict[str, S3Refusal] = {}
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """How many are planned that have not all happened yet."""
        with self._lock:
            return len(self._planned) + len(self._keys)

    def clear(self) -> None:
        """Forget what is planned."""
        with self._lock:
            self._planned.clear()
            self._keys.clear()

    def refuse(
        self,
        operation: str,
        *,
        code: str = "SlowDown",
        status: int = HTTPStatus.SERVICE_UNAVAILABLE,
        times: int = 1,
        skip: int = 0,
        when: When | None = None,
    ) -> None:
        """Let calls fail with this code and HTTP status, without an effect."""
        refusal = _refusal(code, status)
        self._plan(_Kind.REFUSE, operation, times, skip, when, refusal=refusal)

    def reset(
        self, operation: str, *, times: int = 1, skip: int = 0, when: When | None = None
    ) -> None:
        """Cut the connection of calls before they have an effect."""
        self._plan(_Kind.RESET, operation, times, skip, when)

    def hang_up(
        self, operation: str, *, times: int = 1, skip: int = 0, when: When | None = None
    ) -> None:
        """Cut the connection of calls after their effect: the answer is lost."""
        self._plan(_Kind.HANG_UP, operation, times, skip, when)

    def fail_inside(
        self,
        operation: str,
        *,
        code: str = "InternalError",
        times: int = 1,
        skip: int = 0,
        when: When | None = None,
    ) -> None:
        """Let calls answer 200 with an Error for a body, without an effect."""
        refusal = _refusal(code, HTTPStatus.OK)
        self._plan(_Kind.INSIDE, operation, times, skip, when, refusal=refusal)

    def fail_keys(self, keys: Collection[str], *, code: str = "InternalError") -> None:
        """Let these keys fail, once each, in an otherwise good answer of DeleteObjects."""
        with self._lock:
            self._keys.update(dict.fromkeys(keys, _refusal(code, HTTPStatus.OK)))

    def before(
        self,
        operation: str,
        hook: Callable[[Call], object],
        *,
        times: int = 1,
        skip: int = 0,
        when: When | None = None,
    ) -> None:
        """Let somebody do something just before calls; he may call S3 himself."""
        self._plan(_Kind.HOOK, operation, times, skip, when, hook=hook)

    def meet(self, call: Call) -> Fault | None:
        """Carry out what comes before a call: the hooks, a refusal, a cut.

        What is returned comes later: pass it to `end`. Raises the planned S3Refusal, and HungUp.
        """
        due = self._due(call)
        for fault in due:
            if fault.hook is not None:
                fault.hook(call)
        for fault in due:
            match fault.kind:
                case _Kind.HOOK:
                    continue
                case _Kind.RESET:
                    raise HungUp(f"{call.operation} was cut off by the lab")
                case _Kind.REFUSE | _Kind.INSIDE:
                    raise fault.refusal
                case _Kind.HANG_UP:
                    return fault
        return None

    def of_key(self, key: str) -> None:
        """Carry out what is planned for a key of DeleteObjects. Raises the planned S3Refusal."""
        with self._lock:
            refusal = self._keys.pop(key, None)
        if refusal is not None:
            raise refusal

    def _plan(
        self,
        kind: _Kind,
        operation: str,
        times: int,
        skip: int,
        when: When | None,
        *,
        refusal: S3Refusal | None = None,
        hook: Callable[[Call], object] | None = None,
    ) -> None:
        fault = Fault(kind=kind, operation=operation, times=times, skip=skip, when=when, hook=hook)
        if refusal is not None:
            fault.refusal = refusal
        with self._lock:
            self._planned.append(fault)

    def _due(self, call: Call) -> list[Fault]:
        """The hooks for this call, and the first other fault."""
        with self._lock:
            due: list[Fault] = []
            for fault in self._planned:
                if not fault.meets(call):
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif fault.hook is not None or all(each.hook is not None for each in due):
                    due.append(fault)
                    fault.times -= 1
            self._planned = [fault for fault in self._planned if fault.times > 0]
            return due


def end(fault: Fault | None) -> None:
    """Carry out what comes after a call. Raises HungUp."""
    if fault is not None:
        raise HungUp(f"{fault.operation} was done, and its answer cut off by the lab")


def _refusal(code: str, status: int) -> S3Refusal:
    return S3Refusal(code, "made to fail by the lab", status)
