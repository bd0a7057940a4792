"""S3 refuses to delete what the drill wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.calls import Call
from lab.damage import Damage
from lab.emulator import Denied

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Let Teardown delete nothing."""

    def refuse(call: Call) -> Denied | None:
        of_teardown = (call.session or "").startswith("drill-s3-teardown")
        if of_teardown and call.operation == "DeleteObjects":
            return Denied("s3:DeleteObjectVersion", str(call.parameters["Bucket"]))
        return None

    lab.emulator.before_call.append(refuse)
    return lambda: lab.emulator.before_call.remove(refuse)


DAMAGE = Damage(
    description="Teardown may delete nothing",
    check="torn_down",
    kind="s3_versions",
    arrange=arrange,
)
