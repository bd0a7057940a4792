"""What an operator should know before anything is planned, and what must not even begin.

Pure, but for `look`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli import access
from cli.access import Reached
from cli.arguments import Command
from cli.errors import CannotRun
from cli.words import shown, written
from functions import clock
from functions.errors import Refused
from functions.report.words import duration, instant
from functions.s3_versions import facts, objects
from functions.s3_versions.facts import ENABLED, Expiry, Facts
from functions.s3_versions.values import moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A bucket: where it is, whose it must be (empty for not known), and how it is configured."""

    region: str
    endpoint: str
    facts: Facts
    owner: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preflight:
    """What was found.

    `stray` is a key of the other bucket below the prefix that this restore did not write, None for
    none; it is looked for where what is written there keeps no version.
    """

    source: Place
    target: Place
    account: str
    at: datetime
    now: datetime
    prefix: str
    stray: str | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether another bucket is written to."""
        return self.target is not self.source

    @property
    def keeps_versions(self) -> bool:
        """Whether the bucket that is written to keeps what is written over."""
        return self.target.facts.versioning == ENABLED

    @property
    def aborts_uploads(self) -> bool:
        """Whether a lifecycle rule ends all uploads below the prefix that are left unfinished."""
        return any(self.prefix.startswith(rule) for rule in self.target.facts.aborts)

    @property
    def horizon(self) -> str:
        """Since when every version must still be there, as `values.moment` writes it."""
        return facts.horizon(self.source.facts, self.prefix, self.now)

    @property
    def rule(self) -> Expiry | None:
        """The lifecycle rule that makes the horizon."""
        return facts.soonest(self.source.facts.expiries, self.prefix)

    @property
    def past_horizon(self) -> bool:
        """Whether a version that was current at the time may have been deleted by a rule."""
        return moment(self.at) < self.horizon

    def to_record(self) -> dict[str, Any]:
        """As it stands in the report."""
        found = {
            "account": self.account,
            "looked_at": clock.render(self.now),
            "source": _place(self.source),
            "past_horizon": self.past_horizon,
        }
        return {**found, "target": _place(self.target)} if self.elsewhere else found


def _place(place: Place) -> dict[str, Any]:
    return {
        "region": place.region,
        "endpoint": place.endpoint,
        "owner": place.owner,
        **place.facts.to_document(),
    }


def look(
    command: Command,
    source: Reached,
    target: Reached,
    *,
    account: str,
    known: Iterator[str],
    now: datetime,
) -> Preflight:
    """What is found of the bucket, or the two. Raises CannotRun where it may not be looked at.

    `account` is that of the credentials, empty where it is not known; the `known` keys are those
    that this very restore may have written into the other bucket before, in their order.
    """
    here = _found("BUCKET", source)
    there = here if target is source else _found("--to", target)
    keeps_none = target is not source and not there.facts.versioning
    return Preflight(
        source=here,
        target=there,
        account=account,
        at=command.at,
        now=now,
        prefix=command.prefix,
        stray=access.stray(target, command.prefix, known) if keeps_none else None,
    )


def _found(option: str, reached: Reached) -> Place:
    try:
        found = objects.bucket_facts(reached.name, owner=reached.owner, lenient=True)
    except Refused as error:
        raise CannotRun(f"{option}: {error}") from error
    return Place(region=reached.region, endpoint=reached.endpoint, facts=found, owner=reached.owner)


def refuse(found: Preflight, command: Command, *, past_horizon: bool) -> None:
    """Raises CannotRun for what would destroy something, or could not be right."""
    target = found.target.facts
    state = target.versioning or "off"
    if not found.elsewhere and target.versioning != ENABLED:
        raise CannotRun(
            f"BUCKET: {target.name!r}: versioning is {state}: expected {ENABLED}, since what is"
            " written now destroys what was written without versioning; --to OTHER-BUCKET restores"
            " elsewhere"
        )
    if found.elsewhere and target.versioning not in (ENABLED, ""):
        raise CannotRun(
            f"--to: {target.name!r}: versioning is {state}: expected {ENABLED}, or a bucket that"
            " never had it, since what is written now destroys what was written without versioning"
        )
    if found.stray is not None:
        below = f" below '{shown(command.prefix)}'" if command.prefix else ""
        raise CannotRun(
            f"--to: {target.name!r}: versioning is {state} and it has objects{below}, as"
            f" '{shown(found.stray)}': expected a bucket with versioning {ENABLED}, or an empty one"
        )
    if command.undelete and target.mfa_delete:
        raise CannotRun(
            f"--undelete: {target.name!r} has MFA delete, which protects markers too: expected no"
            " --undelete, copies need no MFA"
        )
    rule = found.rule
    if rule and found.past_horizon and not past_horizon:
        raise CannotRun(
            f"--at: {written(found.at)}: the lifecycle rule {rule.rule!r} deletes versions after"
            f" {rule.days} days: expected {found.horizon[:19]}Z or later, or --past-horizon to go"
            " on; keys in doubt are then left as they are, unless with --accept-doubts"
        )


def lines(found: Preflight, *, keeps_encryption: bool = True) -> Iterator[tuple[str, str, bool]]:
    """What is said before planning: a word, a sentence, and whether it is a warning.

    `keeps_encryption` says whether copies are encrypted as their versions were.
    """
    source, target = found.source.facts, found.target.facts
    account = f", account {found.account}" if found.account else ""
    yield (
        "bucket",
        f"{source.name} ({found.source.region}, {found.source.endpoint}{account})",
        False,
    )
    if found.elsewhere:
        yield "into", f"{target.name} ({found.target.region}, {found.target.endpoint})", False
    yield from _owners(found)
    ago = duration((found.now - found.at).total_seconds())
    yield "time", f"{instant(written(found.at))}: {ago} ago", False
    yield from _history(found)
    yield from _encryption(target, keeps_encryption)
    yield from _side_effects(target, found.prefix)


def _owners(found: Preflight) -> Iterator[tuple[str, str, bool]]:
    """Whose the buckets must be, where that is not simply the account of the credentials."""
    places = (found.source, found.target) if found.elsewhere else (found.source,)
    for place in places:
        name = place.facts.name
        if not place.owner:
            yield "owner", f"of {name} not known, and not checked: --owner ACCOUNT names it", True
        elif place.owner != found.account:
            yield "owner", f"{name} belongs to account {place.owner}", False


def _history(found: Preflight) -> Iterator[tuple[str, str, bool]]:
    source = found.source.facts
    said = source.versioning or "off"
    if source.versioning == ENABLED:
        yield "versioning", said, False
    else:
        yield "versioning", f"{said}: what is overwritten meanwhile leaves no version", True
    rule = found.rule
    if rule is None:
        yield "lifecycle", "no rule deletes old versions", False
        return
    deletes = f"the rule {rule.rule!r} deletes versions {rule.days} days after they are replaced"
    since = instant(f"{found.horizon[:19]}Z", seconds=False)
    if found.past_horizon:
        yield "lifecycle", f"{deletes}: what was current then may be gone since {since}", True
    else:
        yield "lifecycle", f"{deletes}: all since {since} is there", False


def _encryption(target: Facts, kept: bool) -> Iterator[tuple[str, str, bool]]:
    default = "not known" if "encryption" in target.unknown else target.encryption or "AES256"
    if target.encryption.startswith("aws:kms"):
        default = target.kms_key or "the key that AWS manages"
    if not kept:
        said = f"copies are encrypted by the bucket's default ({default}), whatever a version was"
        yield "encryption", said, True
    elif target.encryption.startswith("aws:kms"):
        said = f"copies are encrypted as their versions were; the bucket's default is {default}"
        yield "encryption", said, False


def _side_effects(target: Facts, prefix: str) -> Iterator[tuple[str, str, bool]]:
    """What happens to, or by, what is written."""
    if target.locked:
        default = f"; the bucket's default is {target.retention}" if target.retention else ""
        yield (
            "object lock",
            f"copies do not inherit a version's retention or legal hold{default}",
            True,
        )
    for rule in target.replications:
        if facts.covers(rule.prefix, prefix):
            yield "replication", f"the rule {rule.rule!r} copies it to {rule.destination}", True
    for below in dict.fromkeys(target.notified):
        if facts.covers(below, prefix):
            where = f"below '{shown(below)}'" if below else "anywhere in it"
            yield "events", f"somebody is notified of what is written {where}", True
    if target.mfa_delete:
        yield "MFA delete", "on: no obstacle, nothing is deleted by its version", False
    for name in target.unknown:
        yield name, "not allowed to look", True
    if target.public:
        yield "public", "the policy of the bucket that is written to lets everybody in", True
