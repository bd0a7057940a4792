"""What protects every source: a permissions boundary on every role of the stack.

A boundary is a ceiling: what it does not allow, no policy of a role can. Its Denies say once more,
in the words of the danger, what must never happen, and hold even where somebody lifts the ceiling.
docs/deploy.md, "What the drills may do to a source", is the closed list of exceptions.
"""

from infra.guard.buckets import drills_of_buckets, restores_of_buckets
from infra.guard.common import BECOMES_OURS, IS_OURS, Sources, boundary
from infra.guard.rotation import rotation_boundary, rotator_boundary
from infra.guard.watch import collector_boundary, reminder_boundary, sweeper_boundary

__all__ = [
    "BECOMES_OURS",
    "IS_OURS",
    "Sources",
    "boundary",
    "collector_boundary",
    "drills_of_buckets",
    "reminder_boundary",
    "restores_of_buckets",
    "rotation_boundary",
    "rotator_boundary",
    "sweeper_boundary",
]
