"""A rotation that fails at testSecret, again and again."""

from lab.damage import Damage
from lab.damage._rotations import with_fault

DAMAGE = Damage(
    description="the rotation function fails at testSecret, at every attempt",
    check="rotation_finished",
    kind="secret_rotation",
    arrange=with_fault(fails_at="testSecret"),
)
