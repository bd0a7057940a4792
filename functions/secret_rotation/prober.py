"""Logs in without a break, with the old password and the new one, while a rotation runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from functions.secret_rotation import login
from functions.secret_rotation.lockout import Knock, Which
from functions.secret_rotation.values import Credential

PAUSE_SECONDS = 0.1
"""Between two logins with the same password: some ten a second, and as many in the server's log."""


class Prober:
    """Two threads that log in, one with each password, from `with` to its end.

    `new` gives the new credential once there is one; until then its thread waits. `knocks` are all
    logins so far, and `known_at` is when the new one was first there, by `time.monotonic`. What
    ended one of the threads early is in `failures`: then nothing was measured.
    """

    def __init__(
        self, *, old: Credential, new: Callable[[], Credential | None], ca_file: Path
    ) -> None:
        self.knocks: list[Knock] = []
        self.known_at: float | None = None
        self.failures: list[str] = []
        self._ca_file = ca_file
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._knock, args=(which, find), daemon=True)
            for which, find in (("old", lambda: old), ("new", new))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=3 * login.CONNECT_SECONDS)

    def first_accepted(self, which: Which) -> float | None:
        """When that password was first let in; None while it was not."""
        return next((k.ended for k in list(self.knocks) if k.which == which and k.accepted), None)

    def answered_since(self, which: Which, moment: float) -> bool:
        """Whether a login with that password that began since then has got an answer."""
        return any(
            k.which == which and k.began >= moment and (k.accepted or k.refused)
            for k in list(self.knocks)
        )

    def _knock(self, which: Which, find: Callable[[], Credential | None]) -> None:
        try:
            self._knock_on(which, find)
        except Exception as error:  # it must not end unseen: no evidence, no measurement
            self.failures.append(f"{which}: {type(error).__name__}")

    def _knock_on(self, which: Which, find: Callable[[], Credential | None]) -> None:
        credential: Credential | None = None
        while not self._over.is_set():
            credential = credential or find()
            if credential is not None:
                if which == "new" and self.known_at is None:
                    self.known_at = time.monotonic()
                began = time.monotonic()
                tried = login.attempt(credential, ca_file=self._ca_file)
                self.knocks.append(
                    Knock(
                        which=which,
                        began=began,
                        ended=time.monotonic(),
                        accepted=tried.accepted,
                        refused=tried.refused,
                    )
                )
            self._over.wait(PAUSE_SECONDS)
