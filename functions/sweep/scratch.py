"""All that may be a drill's, wherever it is: listed kind by kind, and deleted one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from functions.sweep import databases, elsewhere
from functions.watch.expired import Kind, Scratch

_LIST: Final[Mapping[Kind, Callable[[str], list[Scratch]]]] = {
    Kind.INSTANCE: lambda _: databases.instances(),
    Kind.CLUSTER: lambda _: databases.all_clusters(),
    Kind.SNAPSHOT: lambda _: databases.snapshots(),
    Kind.BACKUP: lambda _: databases.backups(),
    Kind.SECRET: lambda _: elsewhere.secrets(),
    Kind.BUCKET: elsewhere.buckets,
    Kind.LOG_GROUP: lambda _: elsewhere.log_groups(),
}

_DELETE: Final[Mapping[Kind, Callable[[Scratch], None]]] = {
    Kind.INSTANCE: databases.delete_instance,
    Kind.CLUSTER: databases.delete_cluster,
    Kind.SNAPSHOT: databases.delete_snapshot,
    Kind.BACKUP: databases.delete_backup,
    Kind.SECRET: elsewhere.delete_secret,
    Kind.BUCKET: elsewhere.delete_bucket,
    Kind.LOG_GROUP: elsewhere.delete_log_group,
}


_AGAIN: Final[Mapping[Kind, Callable[[Scratch, str], list[Scratch]]]] = {
    Kind.INSTANCE: lambda found, _: databases.instance_again(found),
    Kind.CLUSTER: lambda found, _: databases.cluster_again(found),
    Kind.SNAPSHOT: lambda found, _: databases.snapshot_again(found),
    Kind.BACKUP: lambda found, _: databases.backup_again(found),
    Kind.SECRET: lambda found, _: elsewhere.secrets(found.name),
    Kind.BUCKET: lambda found, account: elsewhere.buckets(account, found.name),
    Kind.LOG_GROUP: lambda found, _: [
        *elsewhere.log_groups(found.handle),
        *databases.cluster_again(found),
    ],
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was found, and why each kind that is `blind` could not be listed to its end."""

    found: tuple[Scratch, ...]
    blind: Mapping[Kind, str]


def look(account: str) -> Looked:
    """Everything of every kind; one that cannot be listed does not hide the others."""
    found, blind = list[Scratch](), dict[Kind, str]()
    for kind, listed in _LIST.items():
        try:
            found += listed(account)
        except (ClientError, BotoCoreError, KeyError, TypeError, ValueError) as error:
            blind[kind] = f"{type(error).__name__}: {error}"
    return Looked(found=tuple(found), blind=blind)


def again(found: Scratch, account: str) -> list[Scratch]:
    """Something as it is now, with all that its end depends on; without it once it is gone.

    Raises ClientError and BotoCoreError.
    """
    return _AGAIN[found.kind](found, account)


def delete(found: Scratch) -> None:
    """Ask for the end of something; what is gone or going is success.

    Raises TryAgain, ClientError and BotoCoreError.
    """
    _DELETE[found.kind](found)
