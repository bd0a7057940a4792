"""The kinds of drill: one line each.

A kind is a package with `steps`, `summary`, `vocabulary`, and `examine` for between the drills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib import import_module
from typing import Final, Protocol, cast

from functions.health import Health
from functions.model import Document, Summary
from functions.report.vocabulary import RESTORE, Vocabulary
from functions.step import Handler
from functions.watch.watched import Source

KINDS: Final = {
    "aurora": "Aurora PostgreSQL, restored to a point in time",
    "secret_rotation": "Secrets Manager, the password of a PostgreSQL user rotated",
    "s3_versions": "S3 object versions, brought back; a bucket as it was at a time",
}


class Steps(Protocol):
    """What the module `functions.<kind>.steps` holds: the handlers of the line, top to bottom."""

    plan: Handler
    witness: Handler
    exercise: Handler
    verify: Handler
    verify_unit: Handler
    teardown: Handler


def vocabulary(kind: str) -> Vocabulary:
    """How a report speaks of a kind; of one that is not in KINDS, as of a restore."""
    if kind not in KINDS:
        return RESTORE
    return cast(Vocabulary, import_module(f"functions.{kind}.vocabulary").VOCABULARY)


def summarizer(kind: str) -> Callable[[Document], Summary]:
    """The function that computes a run's Summary for the report.

    Raises KeyError for a kind that is not in KINDS.
    """
    if kind not in KINDS:
        raise KeyError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
    module = import_module(f"functions.{kind}.summary")
    return cast(Callable[[Document], Summary], module.summarize)


class Examine(Protocol):
    """What `functions.<kind>.examine.examine` is: a look at all sources of the kind, each judged.

    It yields each source once, with what could not be read as a finding, and raises nothing for one
    source that cannot be read.
    """

    def __call__(
        self, sources: Sequence[Source], *, now: datetime
    ) -> Iterator[tuple[Source, Health]]:
        """The health of each source, in their order."""


def examiner(kind: str) -> Examine:
    """The function that looks at the sources of a kind between drills.

    Raises KeyError for a kind that is not in KINDS.
    """
    if kind not in KINDS:
        raise KeyError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
    return cast(Examine, import_module(f"functions.{kind}.examine").examine)
