"""Which earlier witness of a rehearsal is taken: the oldest whose versions must still be kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.errors import EvidenceMissing
from functions.s3_versions import history
from functions.s3_versions.values import moment
from tests.unit.test_s3_plan import REHEARSAL

NOW = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
OWN = "files-prod-monthly/2026/20261130-aaaaaa"


@dataclass
class Shelf:
    """Witnesses by key; one that is None has expired since it was listed."""

    kept: dict[str, dict[str, Any] | None]

    def list_keys(self, prefix: str) -> list[str]:
        return [key for key in self.kept if key.startswith(prefix)]

    def get_json(self, key: str) -> Any:
        found = self.kept[key]
        if found is None:
            raise EvidenceMissing(key)
        return found


def witnessed(days_ago: float, **changes: Any) -> dict[str, Any]:
    at = moment(NOW - timedelta(days=days_ago))
    return {"bucket": "files", "prefix": "site/", "at": at, **changes}


def key(day: int, run: str = "bbbbbb") -> str:
    return f"files-prod-monthly/2026/202611{day:02}-{run}/{history.WITNESS}"


def chosen(kept: dict[str, dict[str, Any] | None]) -> dict[str, Any] | None:
    return history.oldest(Shelf(kept), drill=REHEARSAL, run=OWN, now=NOW)


def test_the_oldest_within_the_days_that_versions_must_be_kept_is_chosen() -> None:
    kept = {key(29): witnessed(1), key(2): witnessed(28), key(1): witnessed(29.99)}
    assert chosen(kept) == kept[key(1)]
    assert chosen({**kept, key(1): witnessed(30.01)}) == kept[key(2)]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {key(2): None},
        {key(2): witnessed(28, bucket="other")},
        {key(2): witnessed(28, prefix="")},
        {f"{OWN}/{history.WITNESS}": witnessed(0)},
        {f"another-drill/2026/20261102-bbbbbb/{history.WITNESS}": witnessed(28)},
        {key(2).replace(history.WITNESS, "witness/canary.json"): witnessed(28)},
    ],
)
def test_no_other_is(other: dict[str, dict[str, Any] | None]) -> None:
    assert chosen(other) is None
    assert chosen({**other, key(20): witnessed(10)}) == witnessed(10)
