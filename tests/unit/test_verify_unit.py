"""A unit of Verify that is called again: what an earlier call has told must be there."""

from __future__ import annotations

import pytest

from functions.aurora import verify_unit
from functions.errors import EvidenceMissing
from lab.driven import Shelf, plan, plenty
from tests.unit.witness_samples import LOGIN

KEY = f"{plan()['key']}/checks/unit-003.json"


@pytest.mark.parametrize(("kept", "told"), [([], 1), ([{}], 2), ([{}, {}], 9)])
def test_fewer_records_than_were_told_are_an_error(kept: list[dict[str, str]], told: int) -> None:
    shelf = Shelf()
    todo = {"restore_time": "2026-11-02T05:00:00Z", "units": [[], [], [], []]}
    shelf.put_json(f"{plan()['key']}/checks/units.json", todo)
    shelf.put_json(KEY, kept)
    with pytest.raises(EvidenceMissing) as reason:
        verify_unit.run(
            copy=LOGIN,
            plan=plan(),
            unit=3,
            previous={"progress": {"item": told, "kept": told}},
            evidence=shelf,
            remaining_seconds=plenty,
        )
    assert str(reason.value) == f"{KEY} holds {len(kept)} records: expected {told}"
    assert shelf.get_json(KEY) == kept
