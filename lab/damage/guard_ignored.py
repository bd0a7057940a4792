"""S3 copies over whatever is there, though it is told what to expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab import s3_objects
from lab.damage import Damage

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Let the lab's S3 compare nothing before it writes."""
    del lab
    check = s3_objects.check_write

    def ignore(*_: Any) -> None:
        """Whatever is there may be replaced."""

    def undo() -> None:
        s3_objects.check_write = check

    s3_objects.check_write = ignore
    return undo


DAMAGE = Damage(
    description="a copy replaces whatever is there, though it is told what to expect",
    check="compare_and_swap",
    kind="s3_versions",
    only_mode="canary",
    arrange=arrange,
)
