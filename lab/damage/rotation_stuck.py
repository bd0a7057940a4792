"""A real secret whose last rotation never finished."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from functions.secret_rotation.values import PENDING
from lab.damage import Damage

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Leave AWSPENDING on a version of two days ago, and take it off again."""
    secrets, name = lab.emulator.client("secretsmanager"), lab.credentials.secrets[0]
    token = str(uuid.uuid4())
    value = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.put_secret_value(
        SecretId=name, ClientRequestToken=token, SecretString=value, VersionStages=[PENDING]
    )
    lab.emulator.secrets.set_created(name, token, datetime.now(UTC) - timedelta(days=2))

    def undo() -> None:
        secrets.update_secret_version_stage(
            SecretId=name, VersionStage=PENDING, RemoveFromVersionId=token
        )

    return undo


DAMAGE = Damage(
    description="AWSPENDING has been on a version of the real secret for two days",
    check="no_rotation_pending",
    kind="secret_rotation",
    arrange=arrange,
)
