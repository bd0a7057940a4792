"""The deployed sweeper, with its own role, on a drill that died while it restored."""

from __future__ import annotations

import json

from tests.lab.conftest import DRILL, Drills
from tests.lab.past import lay_to_rest, sweep


def test_a_drill_that_died_is_swept_once_its_time_is_over(drills: Drills) -> None:
    source = drills.lab.source
    execution = drills.start()
    drills.until(lambda: bool(drills.clusters() - {source.identifier}))
    assert sweep(drills)["expired"] == 0
    plan = lay_to_rest(drills, execution, drill=DRILL)

    swept = sweep(drills)

    assert swept["failed"] == 0
    assert drills.left() == {}
    assert drills.claim() is None
    assert source.status == "available"
    assert sweep(drills)["expired"] == 0
    told = json.loads(drills.lab.evidence("_watch/sweep.json"))
    assert told["counts"]["still_there"] == 0
    assert [each["run"] for each in told["cleared"]] == [plan["run_id"]]
    assert drills.run().verdict == "PASS"
