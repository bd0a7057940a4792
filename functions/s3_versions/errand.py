"""What a restore of a whole bucket is to do: its input, held against the buckets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from functions import clock, given
from functions.errors import Refused
from functions.s3_versions import facts
from functions.s3_versions.facts import ENABLED, Facts
from functions.s3_versions.values import moment

MOST_SHARDS: Final = 1000
"""Of a restore: more are not worth the looks that find them."""

AT_A_TIME: Final = 200
"""Shards that are worked on (infra/restore.asl.json, MaxConcurrency)."""

SHARDS: Final = 2 * AT_A_TIME
"""Unless the input says how many: then one that is too large does not keep all others waiting."""

_OFFERED: Final = (
    "at",
    "prefix",
    "dry_run",
    "undelete",
    "past_horizon",
    "accept_doubts",
    "shards",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """From which bucket to which, and how; in place, where both are one.

    `at`, `began` (when the execution began) and `horizon` are as `values.moment` writes them. With
    `accept_doubts` a key in doubt is made what the listing suggests; else it is left as it is.
    """

    source: str
    target: str
    at: str
    began: str
    prefix: str = ""
    undelete: bool = False
    dry_run: bool = False
    past_horizon: bool = False
    accept_doubts: bool = False
    shards: int = SHARDS
    horizon: str = ""

    @property
    def in_place(self) -> bool:
        """Whether the bucket itself is written to."""
        return self.source == self.target

    def to_record(self) -> dict[str, Any]:
        """As it travels in an answer."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Errand:
        """The errand of an answer.

        >>> at = "2026-11-02T05:00:00.000000000"
        >>> errand = Errand(source="a", target="b", at=at, began="2026-11-02T06:00:00.000000000")
        >>> Errand.from_record(errand.to_record()) == errand
        True
        """
        return cls(**record)


def read(restore: Mapping[str, Any], value: Any, *, began: datetime, now: datetime) -> Errand:
    """The errand of an execution: `restore` is the machine's own part, `value` the input.

    `began` is when the execution did.

    >>> from datetime import UTC
    >>> restore = {"bucket": "a", "target": "a", "in_place": True, "undelete": False}
    >>> now = datetime(2026, 11, 2, 6, tzinfo=UTC)
    >>> read(restore, {"at": "2026-11-02T05:00:00Z"}, began=now, now=now).at
    '2026-11-02T05:00:00.000000000'
    >>> given = {"at": "2026-11-02T05:00:00Z", "undelete": True}
    >>> read(restore, given, began=now, now=now)
    Traceback (most recent call last):
    ...
    functions.errors.Refused: input: undelete: true: expected false, a's machine may remove no \
markers (undelete in restore_buckets)

    Raises Refused that names the key, the value and what was expected.
    """
    found = given.known(value, offered=_OFFERED)
    undelete = _flag(found, "undelete")
    if undelete and not restore["undelete"]:
        raise Refused(
            f"input: undelete: true: expected false, {restore['bucket']}'s machine may remove no"
            " markers (undelete in restore_buckets)"
        )
    return Errand(
        source=restore["bucket"],
        target=restore["target"],
        at=_at(found, now),
        began=moment(began),
        prefix=_prefix(found),
        undelete=undelete,
        dry_run=given.dry_run(found),
        past_horizon=_flag(found, "past_horizon"),
        accept_doubts=_flag(found, "accept_doubts"),
        shards=_shards(found),
    )


def _at(found: Mapping[str, Any], now: datetime) -> str:
    if "at" not in found:
        raise Refused("input: at: missing: expected a time, as 2026-11-02T05:00:00Z")
    try:
        at = clock.parse(found["at"])
    except ValueError as error:
        raise Refused(f"input: at: {error}") from error
    if at > now:
        raise Refused(
            f"input: at: {found['at']}: expected a time that is past, it is {clock.render(now)}"
        )
    return moment(at)


def _prefix(found: Mapping[str, Any]) -> str:
    prefix = found.get("prefix", "")
    if not isinstance(prefix, str):
        raise Refused(f"input: prefix: {prefix!r}: expected a string, as photos/")
    return prefix


def _flag(found: Mapping[str, Any], name: str) -> bool:
    value = found.get(name, False)
    if not isinstance(value, bool):
        raise Refused(f"input: {name}: {value!r}: expected true or false")
    return value


def _shards(found: Mapping[str, Any]) -> int:
    shards = found.get("shards", SHARDS)
    if isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= MOST_SHARDS:
        raise Refused(f"input: shards: {shards!r}: expected a number from 1 to {MOST_SHARDS}")
    return shards


def fit(errand: Errand, source: Facts, target: Facts, *, now: datetime) -> Errand:
    """The errand with what the buckets add to it.

    Raises Refused where something would be destroyed, or could not be right.
    """
    if target.versioning != ENABLED:
        raise Refused(
            f"bucket: {target.name}: versioning is {target.versioning or 'off'}: expected"
            f" {ENABLED}, else what is written destroys what is there"
        )
    if errand.undelete and target.mfa_delete:
        raise Refused(
            f"input: undelete: true: expected false, {target.name} has MFA delete, which protects"
            " markers too"
        )
    rule = facts.soonest(source.expiries, errand.prefix)
    horizon = facts.horizon(source, errand.prefix, now)
    if rule and errand.at < horizon and not errand.past_horizon:
        raise Refused(
            f"input: at: {errand.at[:19]}Z: the lifecycle rule {rule.rule!r} deletes versions after"
            f" {rule.days} days: expected {horizon[:19]}Z or later, or past_horizon: true; keys in"
            " doubt are then not restored but named, unless accept_doubts: true"
        )
    return replace(errand, horizon=horizon)
