"""Ctrl-C: the first lets what is in flight finish, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

STOPPED: Final = 2
"""The exit status of what was stopped half way."""

FINISHING: Final = "stopping: what is in flight is finished; Ctrl-C again stops at once"

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = "\x1b[?25h"


class Stopping:
    """Listens to SIGINT and SIGTERM while it is entered.

    The first one raises KeyboardInterrupt, or within `gently` only sets `asked`. The second one
    ends the process, whatever its threads wait for; `farewell` is what is said then.
    """

    def __init__(self, farewell: str) -> None:
        self.asked = threading.Event()
        self._farewell = farewell
        self._gently: Callable[[], None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for each in _SIGNALS:
            self._before[each] = signal.signal(each, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    @contextmanager
    def gently(self, told: Callable[[], None]) -> Iterator[None]:
        """Within this, the first signal is `told` and interrupts nothing."""
        self._gently = told
        try:
            yield
        finally:
            self._gently = None

    def _heard(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked.is_set():
            show = _SHOW_CURSOR if sys.stderr.isatty() else ""
            os.write(2, f"{show}\n{self._farewell}\n".encode(errors="backslashreplace"))
            os._exit(STOPPED)
        self.asked.set()
        if self._gently is None:
            raise KeyboardInterrupt
        self._gently()
        if not sys.stderr.isatty():
            os.write(2, f"{FINISHING}\n".encode())
