"""S3 copies over whatever is there, though it is told what to expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from unittest.mock import patch

from lab import s3_objects
from lab.damage import Damage

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(_: Lab) -> Callable[[], None]:
    """Let the lab's S3 compare nothing before it writes."""
    ignoring = patch.object(s3_objects, "check_write", lambda *_: None)
    ignoring.start()
    return ignoring.stop


DAMAGE = Damage(
    description="a copy replaces whatever is there, though it is told what to expect",
    check="compare_and_swap",
    kind="s3_versions",
    only_mode="canary",
    arrange=arrange,
)
