"""How many requests of a bucket may be on their way: halved when S3 asks to slow down."""

from __future__ import annotations

import threading


class Pace:
    """A window that grows by one for each window of answers, and is halved by a refusal.

    Refusals of requests that were on their way when it was halved do not halve it again.
    Thread-safe.

    >>> pace = Pace(8)
    >>> first, second = pace.begin(), pace.begin()
    >>> pace.end(first, slower=True), pace.end(second, slower=True)
    (None, None)
    >>> pace.window
    4.0
    """

    def __init__(self, most: int) -> None:
        """Begin with the widest window, `most` requests."""
        self._most = most
        self._condition = threading.Condition()
        self._under_way = 0
        self._epoch = 0
        self.window = float(most)

    def begin(self) -> int:
        """Wait until a request may begin; what comes out is given back when it ends."""
        with self._condition:
            while self._under_way >= int(self.window):
                self._condition.wait()
            self._under_way += 1
            return self._epoch

    def end(self, begun: int, *, slower: bool = False) -> None:
        """A request has ended; `slower` where S3 asked to slow down."""
        with self._condition:
            self._under_way -= 1
            if not slower:
                if self.window < self._most:
                    self.window = min(float(self._most), self.window + 1 / self.window)
                    self._condition.notify()
            elif begun == self._epoch:
                self.window = max(1.0, self.window / 2)
                self._epoch += 1
            self._condition.notify()
