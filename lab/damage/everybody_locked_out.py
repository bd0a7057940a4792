"""A rotation that lets nobody in for a while: the password is changed before it is stored."""

from lab.damage import Damage
from lab.damage._rotations import with_fault

DAMAGE = Damage(
    description="for seven seconds the database accepts neither the old password nor a known one",
    check="lockout",
    kind="secret_rotation",
    arrange=with_fault(locks_out_seconds=7),
)
