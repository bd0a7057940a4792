"""What is said and refused before a plan is made, and how plans are shown: values in, words out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from cli import display
from cli.arguments import Command
from cli.errors import CannotRun
from cli.plan_file import Counts
from cli.preflight import Place, Preflight, lines, refuse
from functions.s3_versions.facts import Expiry, Facts, Replication
from functions.s3_versions.values import LARGEST_COPY, Action, Caveat, Diff, How

NOW = datetime(2026, 11, 2, 5, tzinfo=UTC)
HERE = Facts(name="b", versioning="Enabled")
THERE = Facts(name="c", versioning="Enabled")
THIRTY_DAYS = Expiry(rule="old", prefix="", days=30)


def found(
    facts: Facts = HERE,
    *,
    to: Facts | None = None,
    ago: timedelta = timedelta(hours=1),
    **more: Any,
) -> Preflight:
    owner = more.setdefault("account", "123456789012")
    source = Place(region="sa-east-1", endpoint="https://s3", facts=facts, owner=owner)
    target = replace(source, facts=to) if to else source
    given = {"prefix": "", **more}
    return Preflight(source=source, target=target, at=NOW - ago, now=NOW, **given)


def command(seen: Preflight, *, undelete: bool = False) -> Command:
    to = seen.target.facts.name if seen.elsewhere else ""
    return Command(bucket="b", at=seen.at, to=to, undelete=undelete, prefix=seen.prefix)


HEALTHY = [
    found(),
    found(replace(HERE, mfa_delete=True)),
    found(replace(HERE, versioning="Suspended"), to=THERE),
    found(replace(HERE, versioning=""), to=THERE),
    found(to=replace(THERE, versioning="")),
    found(replace(HERE, expiries=(THIRTY_DAYS,)), ago=timedelta(days=30)),
    found(
        replace(HERE, expiries=(replace(THIRTY_DAYS, prefix="x/"),)), ago=timedelta(31), prefix="y"
    ),
]


@pytest.mark.parametrize("seen", HEALTHY)
def test_what_is_well_is_not_refused(seen: Preflight) -> None:
    refuse(seen, command(seen), past_horizon=False)


@pytest.mark.parametrize(
    ("seen", "undelete", "told"),
    [
        (
            found(replace(HERE, versioning="")),
            False,
            "BUCKET: 'b': versioning is off: expected Ena",
        ),
        (
            found(replace(HERE, versioning="Suspended")),
            False,
            "BUCKET: 'b': versioning is Suspended: expected Enabled",
        ),
        (
            found(to=replace(THERE, versioning="Suspended")),
            False,
            "--to: 'c': versioning is Suspended: expected Enabled, or a bucket that never had it",
        ),
        (
            found(to=replace(THERE, versioning=""), prefix="a\n", stray="a\nb"),
            False,
            "--to: 'c': versioning is off and it has objects below 'a\\n', as 'a\\nb': expected",
        ),
        (
            found(replace(HERE, mfa_delete=True)),
            True,
            "--undelete: 'b' has MFA delete, which protects markers too: expected no --undelete",
        ),
        (
            found(replace(HERE, expiries=(THIRTY_DAYS,)), ago=timedelta(days=30, seconds=1)),
            False,
            "--at: 2026-10-03T04:59:59Z: the lifecycle rule 'old' deletes versions after 30 days:"
            " expected 2026-10-03T05:00:00Z or later, or --past-horizon",
        ),
    ],
)
def test_what_would_destroy_or_mislead_is_refused(
    seen: Preflight, undelete: bool, told: str
) -> None:
    with pytest.raises(CannotRun) as refused:
        refuse(seen, command(seen, undelete=undelete), past_horizon=False)
    assert told in str(refused.value)


def test_past_the_horizon_one_may_go_on() -> None:
    seen = found(replace(HERE, expiries=(THIRTY_DAYS,)), ago=timedelta(days=31))
    refuse(seen, command(seen), past_horizon=True)
    [(sentence, warns)] = [rest for word, *rest in lines(seen) if word == "lifecycle"]
    assert "what was current then may be gone" in str(sentence)
    assert warns


def said(seen: Preflight) -> dict[str, str]:
    return {word: sentence for word, sentence, _ in lines(seen)}


def test_a_plain_bucket_has_few_lines() -> None:
    assert said(found(account="123456789012")) == {
        "bucket": "b (sa-east-1, https://s3, account 123456789012)",
        "time": "2 Nov 2026, 04:00:00 UTC: 1 h ago",
        "versioning": "Enabled",
        "lifecycle": "no rule deletes old versions",
    }


def test_what_happens_to_what_is_written_is_said() -> None:
    rule = Replication(rule="dr", prefix="a/", destination="arn:aws:s3:::far", measured=False)
    configured = replace(
        HERE,
        mfa_delete=True,
        encryption="aws:kms",
        kms_key="alias/mine",
        locked=True,
        retention="GOVERNANCE, 7 days",
        replications=(rule,),
        notified=("a/b", "z/"),
        public=True,
    )
    told = said(found(configured, prefix="a/"))
    assert told["encryption"] == (
        "copies are encrypted as their versions were; the bucket's default is alias/mine"
    )
    assert "do not inherit" in told["object lock"]
    assert "GOVERNANCE, 7 days" in told["object lock"]
    assert "'dr' copies it to arn:aws:s3:::far" in told["replication"]
    assert told["events"] == "somebody is notified of what is written below 'a/b'"
    assert "no obstacle" in told["MFA delete"]
    assert "public" in told
    elsewhere = said(found(configured, to=THERE, prefix="a/"))
    assert {"object lock", "replication", "events", "encryption"}.isdisjoint(elsewhere)
    assert "replication" not in said(found(configured, prefix="b/"))


@pytest.mark.parametrize(
    ("facts", "default"),
    [
        (HERE, "AES256"),
        (replace(HERE, encryption="aws:kms"), "the key that AWS manages"),
        (replace(HERE, encryption="aws:kms", kms_key="alias/mine"), "alias/mine"),
        (replace(HERE, unknown=("encryption",)), "not known"),
    ],
)
def test_encryption_that_is_not_kept_is_a_warning(facts: Facts, default: str) -> None:
    told = [rest for word, *rest in lines(found(facts), keeps_encryption=False)]
    said = f"copies are encrypted by the bucket's default ({default}), whatever a version was"
    assert [said, True] in told


def test_whose_the_buckets_are_is_said_where_it_is_not_plain() -> None:
    assert said(found(account=""))["owner"] == (
        "of b not known, and not checked: --owner ACCOUNT names it"
    )
    strangers = replace(found(), account="1" * 12)
    assert said(strangers)["owner"] == "b belongs to account 123456789012"
    assert "owner" not in said(found(to=THERE))


def test_what_may_not_be_looked_at_is_said() -> None:
    told = list(lines(found(replace(HERE, unknown=("replication", "policy")))))
    for word in ("replication", "policy"):
        assert (word, "not allowed to look", True) in told


@pytest.mark.parametrize(
    ("aborts", "prefix", "all_ends"),
    [((), "", False), (("",), "a/", True), (("a/",), "a/b", True), (("a/",), "", False)],
)
def test_a_rule_that_ends_unfinished_uploads(
    aborts: tuple[str, ...], prefix: str, all_ends: bool
) -> None:
    seen = found(replace(HERE, aborts=aborts), prefix=prefix)
    assert seen.aborts_uploads == all_ends
    counts = Counts()
    large = LARGEST_COPY + 1
    counts.count(Action(key="film", diff=Diff.CREATE, how=How.COPY, size=large))
    told = rendered(display.plan(counts, command(seen), aborts=seen.aborts_uploads))
    assert ("1 key above 5 GB, copied in parts: no Abort" in told) == (not all_ends)
    small = rendered(display.plan(Counts(), command(seen), aborts=False))
    assert "copied in parts" not in small


def rendered(*things: Any) -> str:
    console = Console(width=150, highlight=False)
    with console.capture() as captured:
        for thing in things:
            console.print(thing, soft_wrap=True)
    return captured.get()


def test_a_plan_is_a_table_with_what_it_takes_and_what_is_in_doubt() -> None:
    counts = Counts()
    for number in range(1234):
        counts.count(Action(key=str(number), diff=Diff.CHANGE, how=How.COPY, size=1_000_000))
    counts.count(Action(key="m", diff=Diff.REMOVE, how=How.MARKER))
    counts.count(Action(key="t", diff=Diff.CREATE, how=How.THAW, caveats=(Caveat.MULTIPART,)))
    counts.count(Action(key="u", diff=Diff.CREATE, how=How.UNDELETE))
    told = rendered(display.plan(counts, Command(bucket="b", at=NOW)))
    assert "~ change         1,234   1.2 GB" in told
    assert "1,234 versions copied forward, 1.2 GB" in told
    assert "1 delete marker added" in told
    assert "1 key undeleted by removing markers" in told
    assert "1 archived version asked back first" in told
    assert "1 key multipart: uploaded in parts" in told
    assert "same_second" not in told


def test_a_line_of_the_diff_acts_on_no_terminal() -> None:
    action = Action(
        key="a\x1b[2J\n[bold]:smile:",
        diff=Diff.UNRESTORABLE,
        how=How.NOTHING,
        reason="gone",
        caveats=(Caveat.MAYBE_EXPIRED,),
    )
    assert rendered(display.difference(action)) == (
        "! a\\x1b[2J\\n[bold]:smile:  gone  (maybe_expired)\n"
    )


@pytest.mark.parametrize(("diff", "sign"), list(zip(Diff, "+~-=!", strict=True)))
def test_signs(diff: Diff, sign: str) -> None:
    line = display.difference(Action(key="k" * 1024, diff=diff, how=How.NOTHING)).plain
    assert line == f"{sign} {'k' * 1024}"


def test_every_caveat_has_a_meaning() -> None:
    assert set(display.CAVEATS) == set(Caveat)
