"""The deployed sweeper on a rehearsal that died: its own Teardown puts role and secret in order."""

from __future__ import annotations

from lab.emulator import Call
from tests.lab.past import lay_to_rest, sweep
from tests.lab_rotation.conftest import OWN, Rotations


def test_a_rehearsal_that_died_is_put_in_order_once_its_time_is_over(rotations: Rotations) -> None:
    execution = rotations.start(drill="rehearsed")
    seen: list[Call] = []

    def hook(call: Call) -> None:
        if call.operation == "RotateSecret" and call.session == "drill-rotation-exercise-1":
            seen.append(call)

    rotations.lab.emulator.after_call.append(hook)
    rotations.until(lambda: bool(seen))
    lay_to_rest(rotations, execution, drill="rehearsed")

    swept = sweep(rotations)

    assert (swept["claims"], swept["failed"]) == (1, 0)
    assert rotations.claim("rehearsed") is None
    assert rotations.opens()
    assert "AWSPENDING" not in rotations.stages()
    assert OWN in {each["Name"] for each in rotations.secrets.list_secrets()["SecretList"]}
    assert swept["untagged"] == 0
    assert rotations.run().verdict == "PASS"
