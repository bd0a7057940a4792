"""What the code of a function finds around it, for tests that run it in this process."""

from __future__ import annotations

from lab import aws
from lab.emulator import Emulator


def surroundings(emulator: Emulator) -> dict[str, str]:
    """The variables by which a function's SDK finds the emulator, as nobody in particular."""
    access, secret, token = aws.NOBODY
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_REGION": aws.REGION,
        "AWS_DEFAULT_REGION": aws.REGION,
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
    }
