"""The secrets that are watched between drills: what is wanted of each, and how it is looked at.

Nothing here lets anybody read a secret's value.
"""

from __future__ import annotations

from collections.abc import Iterable

from functions.watch.watched import Source
from infra.kinds.secret_rotation import function_arn, secret_arn
from infra.permissions import Permission
from infra.schema import Configuration, RotationDrill

_SECRETS = ("secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds")
_FUNCTIONS = ("lambda:GetFunctionConfiguration", "lambda:GetPolicy")
_EVENTS = "cloudtrail:LookupEvents"

LOOKS: tuple[str, ...] = (*_SECRETS, *_FUNCTIONS, _EVENTS)
"""All that the collector calls to look at secrets."""


def sources(configuration: Configuration) -> list[Source]:
    """Each secret once, with the strictest wishes of its drills."""
    drills: dict[str, list[RotationDrill]] = {}
    for drill in configuration.rotations:
        drills.setdefault(drill.secret, []).append(drill)
    return [
        Source(
            kind="secret_rotation",
            name=secret,
            wanted={
                "functions": list(dict.fromkeys(drill.rotation_function for drill in its)),
                "rotation_days_maximum": min(drill.rotation_days_maximum for drill in its),
            },
        )
        for secret, its in drills.items()
    ]


def may_look(configuration: Configuration) -> list[Permission]:
    """What secrets and their functions tell of themselves, and how rotations ended."""
    drills = configuration.rotations
    if not drills:
        return []
    return [
        Permission(actions=list(_SECRETS), resources=_each(secret_arn(drill) for drill in drills)),
        Permission(
            actions=list(_FUNCTIONS), resources=_each(function_arn(drill) for drill in drills)
        ),
        Permission(
            actions=[_EVENTS],
            resources=["*"],
            because="CloudTrail's history is one for the account: it knows no resources",
        ),
    ]


def _each(resources: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(resources))
