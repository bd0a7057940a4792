"""Writes to the sample company's buckets all the time, as its applications would.

A thread that puts, overwrites and deletes a few times a second, below `LIVE` alone, and deletes
about as much as it puts. What a test makes S3 do, it may do to this writer: such a test names the
keys that it means.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

LIVE = ("site/news/", "invoices/live/")
"""Below which prefixes it writes."""

PAUSE_SECONDS = 0.3
_MOST_KEYS = 40


class BucketWriter:
    """A writer that runs beside the lab, from its making until `stop`.

    `written` counts what it has put and deleted, `refused` how often S3 did not let it.
    """

    def __init__(
        self, s3: Any, buckets: Iterable[str], *, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """Start it. `s3` is a client of S3."""
        self.written = 0
        self.refused = 0
        self._s3 = s3
        self._buckets = tuple(buckets)
        self._pause_seconds = pause_seconds
        self._random = Random(5)  # noqa: S311  # it only has to be varied
        self._keys: dict[str, list[str]] = {bucket: [] for bucket in self._buckets}
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="the writer of the sample company's buckets", daemon=True
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it writes."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it, after what it is about to write. May be called twice."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._pause_seconds):
            for bucket in self._buckets:
                # S3 may be throttled or cut off by a test, and is gone when the lab ends.
                try:
                    self._write(bucket, self._keys[bucket])
                    self.written += 1
                except (ClientError, BotoCoreError):
                    self.refused += 1

    def _write(self, bucket: str, keys: list[str]) -> None:
        """One thing at random: a new object, another body for an old one, or one object less."""
        kind = self._random.random()
        if keys and (kind < 0.3 or len(keys) > _MOST_KEYS):
            key = keys.pop(self._random.randrange(len(keys)))
            self._s3.delete_object(Bucket=bucket, Key=key)
            return
        number = next(self._numbers)
        new = f"{self._random.choice(LIVE)}{number:06}.html"
        key = self._random.choice(keys) if keys and kind < 0.6 else new
        self._s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=f"<p>{number}</p>".encode() * self._random.randrange(1, 100),
            ContentType="text/html",
            Metadata={"number": str(number)},
            Tagging="live=yes",
        )
        if key == new:
            keys.append(key)
