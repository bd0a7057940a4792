"""What the sweeper may delete of all that it finds, decided. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from functions import clock, given, naming

EXPIRED = "ExpiredScratch"
"""The metric: how much a sweep found that should have been gone. No dimension."""

UNTAGGED = "UntaggedScratch"
"""The metric: how much bears some sign of a drill, and is left alone for as long as it is so.

A drill's name without its tags, the tags without the name, an expiry that is far away.
"""

SWEEPS = "Sweeps"
"""The metric: 1 for every sweep that came to its end."""

STACK_TAG = "backup-drills:stack"
"""On all that the stack itself made, and never on scratch: nothing that bears it is swept."""

FAR = timedelta(days=2, minutes=given.LONGEST_HOLD_MINUTES)
"""No run of a drill gives what it makes so much time as that: somebody has put it off."""

_ON_ITS_WAY = "deleting"
_RUN = re.compile(r"\d{8}-[0-9a-f]{6}", re.ASCII)


class Kind(StrEnum):
    """What scratch can be, in the order in which it is deleted."""

    INSTANCE = "instance"
    CLUSTER = "cluster"
    SNAPSHOT = "cluster snapshot"
    BACKUP = "automated backup"
    SECRET = "secret"  # noqa: S105 - not a password
    BUCKET = "bucket"
    LOG_GROUP = "log group"


COUNTED = frozenset({Kind.INSTANCE, Kind.CLUSTER, Kind.SNAPSHOT, Kind.BACKUP, Kind.SECRET})
"""What is counted where it bears the name and not the tags: it costs money, or opens something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scratch:
    """Something that AWS lists, and that may be a drill's.

    `name` is its own; of a backup and of a log group it is that of the cluster they are of.
    `handle` is what its deletion asks for, the name where it is empty. `members` are a cluster's
    instances, `cluster` is an instance's. `stays` says why it may not be asked to go, `unreadable`
    why its tags are not known.
    """

    kind: Kind
    name: str
    status: str = "available"
    tags: Mapping[str, str] = field(default_factory=dict)
    handle: str = ""
    members: tuple[str, ...] = ()
    cluster: str = ""
    stays: str = ""
    unreadable: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from everything else that is found."""
        return self.kind.value, self.handle or self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose something is, by its name and its tag: a run of a drill."""

    drill: str
    run: str


class Life(StrEnum):
    """What is known of a run: whether it goes on."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


class Standing(StrEnum):
    """What something is to the sweeper, by its name and its tags alone."""

    NOTHING = "nothing"
    REFUSED = "refused"
    UNTAGGED = "untagged"
    YOUNG = "young"
    FAR = "far"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Something, what it is to the sweeper, and why; `owner` where its run must be asked for."""

    found: Scratch
    standing: Standing
    why: str = ""
    owner: Owner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """Something that is left alone, and why."""

    found: Scratch
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What is to be asked to go, in this order; what goes already; and what is left alone.

    Expired are also: `late`, whose run goes on; and `held`, which may not go now, or of whose run
    nothing is known. Not a drill's, though they bear some sign of one, are the `refused`; the
    `untagged` bear a drill's name without its tags; `far` is what a dead run made and somebody has
    put off for long.
    """

    delete: tuple[Scratch, ...] = ()
    going: tuple[Scratch, ...] = ()
    late: tuple[Left, ...] = ()
    held: tuple[Left, ...] = ()
    refused: tuple[Left, ...] = ()
    untagged: tuple[Left, ...] = ()
    far: tuple[Left, ...] = ()

    @property
    def left(self) -> tuple[Left, ...]:
        """All that is left alone with a reason."""
        return (*self.late, *self.held, *self.refused, *self.untagged, *self.far)

    @property
    def expired(self) -> int:
        """How much there is that should be gone by now."""
        return len(self.delete) + len(self.going) + len(self.late) + len(self.held)

    @property
    def counted_untagged(self) -> int:
        """How much bears signs of a drill and will be left alone at every sweep to come.

        Of what bears no tags only that counts which costs money or opens something.
        """
        named = sum(each.found.kind in COUNTED for each in self.untagged)
        return named + len(self.refused) + len(self.far)


def owner_of(name: str, run: str) -> Owner | None:
    """Whose something of that name is, if the run of its tag is in the name.

    >>> owner_of("drill-aurora-prod-20261102-1a2b3c-1", "20261102-1a2b3c")
    Owner(drill='aurora-prod', run='20261102-1a2b3c')
    >>> owner_of("drill-20261102-1a2b3c", "20261102-1a2b3c") is None
    True
    >>> owner_of("drill-aurora-prod-20261102-1a2b3c", "20261103-1a2b3c") is None
    True
    """
    if not name.startswith(naming.PREFIX) or not _RUN.fullmatch(run):
        return None
    drill, found, rest = name.removeprefix(naming.PREFIX).partition(f"-{run}")
    if not drill or not found or (rest and not rest.startswith("-")):
        return None
    return Owner(drill=drill, run=run)


def judge(found: Scratch, *, sources: Collection[str], now: datetime) -> Judged:
    """What something is, by its name and its tags alone.

    Expired is only what bears the prefix, the run of its tag in its name, the tag, and an expiry
    that has passed; and no name of a source, whatever else it bears.

    >>> from datetime import UTC
    >>> tags = naming.tags("20261102-1a2b3c", "2026-11-02T09:00:00Z")
    >>> now = datetime(2026, 11, 2, 10, tzinfo=UTC)
    >>> copy = Scratch(kind=Kind.CLUSTER, name="drill-a-20261102-1a2b3c", tags=tags)
    >>> judge(copy, sources=[], now=now).standing.value
    'expired'
    >>> judge(copy, sources=["drill-a-20261102-1a2b3c"], now=now).standing.value
    'refused'
    """
    tags, named = found.tags, found.name.startswith(naming.PREFIX)
    managed = tags.get(naming.MANAGED_TAG) == "true"
    if STACK_TAG in tags or not (managed or named):
        return Judged(found=found, standing=Standing.NOTHING)
    if source := _source_of(found, sources):
        why = f"it is the source {source}, or a part of it, whatever tags it bears"
        standing = Standing.REFUSED if managed else Standing.NOTHING
        return Judged(found=found, standing=standing, why=why if managed else "")
    if not named:
        why = f"it bears the tags of a drill, and not its name: expected {naming.PREFIX}..."
        return Judged(found=found, standing=Standing.REFUSED, why=why)
    if found.unreadable:
        return _untagged(found, f"its tags could not be read: {found.unreadable}")
    if not managed:
        return _untagged(found, f"the tag {naming.MANAGED_TAG} is not true")
    owner = owner_of(found.name, tags.get(naming.RUN_TAG, ""))
    if owner is None:
        told = tags.get(naming.RUN_TAG, "")
        return _untagged(found, f"the tag {naming.RUN_TAG} is {told!r}: expected a run in its name")
    try:
        expires = clock.parse(tags.get(naming.EXPIRES_TAG, ""))
    except (OverflowError, ValueError) as error:  # the first of these of the year 1, say
        return _untagged(found, f"the tag {naming.EXPIRES_TAG}: {error}")
    if expires - now > FAR:
        why = f"it expires only at {tags[naming.EXPIRES_TAG]}: no drill gives so much time"
        return Judged(found=found, standing=Standing.FAR, why=why, owner=owner)
    if expires >= now:
        return Judged(found=found, standing=Standing.YOUNG)
    return Judged(found=found, standing=Standing.EXPIRED, owner=owner)


def _untagged(found: Scratch, why: str) -> Judged:
    return Judged(found=found, standing=Standing.UNTAGGED, why=why)


def _source_of(found: Scratch, sources: Collection[str]) -> str:
    """The source that something is, or is of, by whatever it may be called; empty for none."""
    called = {each.lower() for each in (found.name, found.handle, found.cluster) if each}
    return next((source for source in sources if source.lower() in called), "")


def decide(
    judged: Iterable[Judged], *, life: Mapping[Owner, Life], blind: Collection[Kind] = ()
) -> Sweep:
    """What to delete of everything there is.

    `life` is what is known of the runs of what has expired, `blind` what could not be listed. A
    cluster goes with all its instances or not at all, and an instance only out of such a cluster.

    >>> decide([], life={}).expired
    0
    """
    everything = list(judged)
    late, held, far, dead = list[Left](), list[Left](), list[Left](), list[Scratch]()
    for each in everything:
        if each.owner is None:
            continue
        if each.standing is Standing.FAR:
            if life.get(each.owner) is not Life.ALIVE:
                far.append(Left(found=each.found, why=each.why))
            continue
        run = f"the run {each.owner.run} of {each.owner.drill}"
        match life.get(each.owner, Life.UNKNOWN):
            case Life.DEAD:
                dead.append(each.found)
            case Life.ALIVE:
                late.append(Left(found=each.found, why=f"{run} is still going on"))
            case Life.UNKNOWN:
                why = f"whether {run} goes on could not be asked"
                held.append(Left(found=each.found, why=why))
            case unreachable:
                assert_never(unreachable)
    clusters = {each.found.name for each in everything if each.found.kind is Kind.CLUSTER}
    ours = {
        each.found.key
        for each in everything
        if each.standing in (Standing.YOUNG, Standing.FAR, Standing.EXPIRED)
    }
    inside = [each.found for each in everything if each.found.kind is Kind.INSTANCE]
    may_go, stays, refused = _apart(dead, clusters, ours, inside, blind)
    return Sweep(
        delete=tuple(
            found
            for kind in Kind
            for found in may_go
            if found.kind is kind and found.status != _ON_ITS_WAY
        ),
        going=tuple(found for found in may_go if found.status == _ON_ITS_WAY),
        late=tuple(late),
        held=(*held, *stays),
        refused=(*_told(everything, Standing.REFUSED), *refused),
        untagged=tuple(
            left
            for left in _told(everything, Standing.UNTAGGED)
            if left.found.kind is not Kind.LOG_GROUP
            or (Kind.CLUSTER not in blind and left.found.name not in clusters)
        ),
        far=tuple(far),
    )


def _apart(
    dead: Iterable[Scratch],
    clusters: Collection[str],
    ours: Collection[tuple[str, str]],
    instances: Collection[Scratch],
    blind: Collection[Kind],
) -> tuple[list[Scratch], list[Left], list[Left]]:
    """What of the scratch of dead runs may go, what stays, and what is no drill's after all.

    `clusters` are the names of all there are, `ours` the keys of all that is a drill's, `instances`
    everybody's.
    """
    found = list(dead)
    copies = {each.name: each for each in found if each.kind is Kind.CLUSTER}
    members = {
        each.name
        for each in found
        if each.kind is Kind.INSTANCE and each.cluster in copies and not each.stays
    }
    whole = {
        each.name: _why_whole(
            each,
            {*each.members, *(i.name for i in instances if i.cluster == each.name)} - members,
            ours,
        )
        for each in copies.values()
    }
    may_go, stays, refused = list[Scratch](), list[Left](), list[Left]()
    for each in found:
        why = each.stays
        match each.kind:
            case Kind.INSTANCE | Kind.CLUSTER if {Kind.INSTANCE, Kind.CLUSTER} & set(blind):
                why = "the instances and the clusters could not all be listed"
            case Kind.INSTANCE if (Kind.CLUSTER.value, each.cluster) not in ours:
                told = f"is in the cluster {each.cluster}" if each.cluster else "is in no cluster"
                why = f"it {told}: expected it in a copy whose time is over"
                refused.append(Left(found=each, why=why))
                continue
            case Kind.INSTANCE if each.cluster not in copies:
                why = f"its cluster {each.cluster} stays: its time is not over, or its run goes on"
            case Kind.INSTANCE if reason := whole[each.cluster]:
                why = f"its cluster {each.cluster} stays: {reason}"
            case Kind.CLUSTER:
                why = each.stays or whole[each.name]
            case Kind.LOG_GROUP if each.name in clusters or Kind.CLUSTER in blind:
                why = "its cluster is still there"
            case _:
                pass
        if why:
            stays.append(Left(found=each, why=why))
        else:
            may_go.append(each)
    return may_go, stays, refused


def _why_whole(copy: Scratch, others: Collection[str], ours: Collection[tuple[str, str]]) -> str:
    """Why a copy must stay with all its instances, empty where it may go with all of them.

    `others` are those of its instances that may not go.
    """
    strangers = sorted(name for name in others if (Kind.INSTANCE.value, name) not in ours)
    if copy.stays or not others:
        return copy.stays
    if strangers:
        return f"it has an instance that is no drill's: {', '.join(strangers)}"
    return f"it has an instance that must stay: {', '.join(sorted(others))}"


def _told(judged: Iterable[Judged], standing: Standing) -> tuple[Left, ...]:
    return tuple(
        Left(found=each.found, why=each.why) for each in judged if each.standing is standing
    )
