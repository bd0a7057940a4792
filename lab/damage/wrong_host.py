"""A rotation after which the secret leads somewhere else."""

from lab.damage import Damage
from lab.damage._rotations import with_fault

DAMAGE = Damage(
    description="the rotation function writes another host into the new version",
    check="connection_facts",
    kind="secret_rotation",
    arrange=with_fault(host="elsewhere.example"),
)
