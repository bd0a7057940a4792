"""A rotation that only moves the labels: the database never hears of the new password."""

from lab.damage import Damage
from lab.damage._rotations import with_fault

DAMAGE = Damage(
    description="the rotation moves the labels and leaves the password as it was",
    check="new_login",
    kind="secret_rotation",
    arrange=with_fault(skips=["setSecret", "testSecret"]),
)
