"""What a score has come to: of each damage, what found it; of each healthy copy, what did. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from lab.damage import Damage

ROWS = "rows"


class RowCount(StrEnum):
    """What counting the rows of every table says of a damage."""

    ALONE = "alone finds it"
    FINDS = "finds it"
    MISSES = "misses it"


class Verdict(StrEnum):
    """Whether Verify has found a damage."""

    FOUND = "found"
    ELSEWHERE = "by other checks"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A damage, and what was seen of it: `failed` and `not_run` are names of checks.

    `checksums`: whether the pages of the copy carried some. `counted`: whether a count of all rows
    differs from that of the undamaged copy, or could not be had.
    """

    damage: Damage
    checksums: bool
    failed: tuple[str, ...]
    not_run: tuple[str, ...]
    counted: bool
    seconds: float

    @property
    def expected(self) -> str:
        """The check that must find it."""
        return self.damage.found_by(checksums=self.checksums)

    @property
    def verdict(self) -> Verdict:
        """Whether that check has failed, and no other than may.

        >>> def seen(*failed, **changes):
        ...     damage = Damage(description="", check="heap", also=("rows",))
        ...     return Found(**{"damage": damage, "checksums": False, "failed": failed,
        ...                     "not_run": (), "counted": True, "seconds": 1.0, **changes})
        >>> [seen(*names).verdict.value for names in (["heap"], ["heap", "rows"], ["rows"], [])]
        ['found', 'found', 'by other checks', 'missed']
        >>> seen("heap", "index").verdict.value, seen(not_run=("heap",)).verdict.value
        ('by other checks', 'missed')
        """
        if not self.failed:
            return Verdict.MISSED
        allowed = {self.expected, self.damage.check, *self.damage.also}
        right = self.expected in self.failed and set(self.failed) <= allowed
        return Verdict.FOUND if right else Verdict.ELSEWHERE

    @property
    def row_count(self) -> RowCount:
        """Whether a count of all rows sees it, and whether nothing else does.

        >>> def seen(counted, *failed):
        ...     return Found(damage=Damage(description="", check="rows"), checksums=False,
        ...                  failed=failed, not_run=(), counted=counted, seconds=1.0)
        >>> [seen(*told).row_count.value for told in ((True, "rows"), (True, "heap"), (False,))]
        ['alone finds it', 'finds it', 'misses it']
        """
        if not self.counted:
            return RowCount.MISSES
        return RowCount.ALONE if set(self.failed) <= {ROWS} else RowCount.FINDS

    @property
    def pages(self) -> str:
        """Of a damage to files, what its pages carried."""
        if self.damage.at_rest is None:
            return ""
        return "checksums" if self.checksums else "bare"


@dataclass(frozen=True, kw_only=True, slots=True)
class Healthy:
    """A copy without damage, what was done to it, and what Verify held against it all the same."""

    what: str
    alarms: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Every damage, every healthy copy, and the version of PostgreSQL."""

    version: str
    found: Sequence[Found]
    healthy: Sequence[Healthy]
    seconds: float

    @property
    def right(self) -> int:
        """How many damages were found by the check that must find them."""
        return sum(each.verdict is Verdict.FOUND for each in self.found)

    @property
    def false_alarms(self) -> int:
        """How many healthy copies were taken for damaged, or not for healthy."""
        return sum(bool(each.alarms) for each in self.healthy)

    @property
    def good(self) -> bool:
        """Whether nothing is missed, and nothing is a false alarm."""
        return self.right == len(self.found) and not self.false_alarms

    def count(self, row_count: RowCount) -> int:
        """Of how many damages a count of the rows says that."""
        return sum(each.row_count is row_count for each in self.found)

    def sentence(self) -> str:
        """The last line.

        >>> Score(version="18.6", found=(), healthy=(), seconds=1.0).sentence()
        'found 0 of 0, false alarms 0 of 0'
        """
        return (
            f"found {self.right} of {len(self.found)},"
            f" false alarms {self.false_alarms} of {len(self.healthy)}"
        )

    def beside(self) -> str:
        """What a count of all rows would have found."""
        alone, seen = self.count(RowCount.ALONE), self.count(RowCount.FINDS)
        return (
            f"a count of all rows finds {alone + seen} of {len(self.found)}, {alone} of which no"
            f" check of anything but rows does, and misses {self.count(RowCount.MISSES)}"
        )

    def to_document(self) -> Mapping[str, Any]:
        """As JSON can hold it."""
        return {
            "version": self.version,
            "found": [
                {
                    "damage": each.damage.name,
                    "breaks": each.damage.description,
                    "checksums": each.checksums,
                    "expected": each.expected,
                    "failed": list(each.failed),
                    "not_run": list(each.not_run),
                    "row_count": each.row_count.value,
                    "verdict": each.verdict.value,
                    "seconds": round(each.seconds, 3),
                }
                for each in self.found
            ],
            "healthy": [asdict(each) for each in self.healthy],
            "right": self.right,
            "false_alarms": self.false_alarms,
            "seconds": round(self.seconds, 3),
        }
