"""A rotation that is killed between two steps, again and again."""

from lab.damage import Damage
from lab.damage._rotations import with_fault

DAMAGE = Damage(
    description="the rotation function is killed before finishSecret, at every attempt",
    check="rotation_finished",
    kind="secret_rotation",
    arrange=with_fault(dies_before="finishSecret"),
)
