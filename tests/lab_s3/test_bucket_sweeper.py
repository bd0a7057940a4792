"""The deployed sweeper on drills of buckets that died: their own Teardown removes what they wrote.

No tag says of a version that it may go; only the plan in the ledger knows where a run wrote.
"""

from __future__ import annotations

import pytest

from tests.lab.past import lay_to_rest, sweep
from tests.lab_s3.conftest import Buckets


@pytest.mark.parametrize("drill", ["canary", "inside", "rehearsal"])
def test_a_drill_that_died_is_swept_once_its_time_is_over(buckets: Buckets, drill: str) -> None:
    before = buckets.of_the_company()
    execution = buckets.start(drill=drill)
    buckets.until(lambda: bool(buckets.scratch()))
    lay_to_rest(buckets, execution, drill=drill)
    assert buckets.scratch()

    swept = sweep(buckets)

    assert (swept["claims"], swept["failed"]) == (1, 0)
    assert buckets.scratch() == {}
    assert buckets.claim(drill) is None
    assert buckets.of_the_company() == before
    assert buckets.run(drill=drill).verdict == "PASS"
