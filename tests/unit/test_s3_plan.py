"""Plan of a drill of object versions: what refuses it, what blocks it, where it writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.errors import Refused
from functions.s3_versions import plan
from functions.s3_versions.facts import ENABLED, Expiry, Facts, Replication, horizon, soonest
from functions.s3_versions.plan import Overrides, Surroundings
from functions.s3_versions.teardown import NotOurs, place_of

NOW = datetime(2026, 11, 10, 5, 0, 30, tzinfo=UTC)
EXECUTION = {
    "id": "arn:aws:states:sa-east-1:123456789012:execution:drill-files-prod-monthly:one",
    "name": "one",
    "start_time": "2026-11-10T05:00:00Z",
}
RUN = "20261110-c28ab3"

DRILL: dict[str, Any] = {
    "name": "files-prod-monthly",
    "kind": "s3_versions",
    "bucket": "files",
    "mode": "canary",
    "canary": {"in": "sibling", "bucket": "sibling", "prefix": "", "accept": []},
    "scratch": None,
    "prefix": "",
    "at": "latest",
    "sample": 50,
    "objects_maximum": 1000,
    "encryption": {"type": "s3", "kms_key": ""},
    "require_public_access_block": True,
    "noncurrent_days_minimum": 30,
    "replication": "ignored",
    "objectives": {"rpo_seconds": 0, "rto_seconds": 3600, "object_seconds": 60},
    "deadlines": {"verify_seconds": 7200, "teardown_seconds": 1800},
    "timing": {"poll_seconds": 10},
    "severity": "medium",
}
INSIDE = {
    **DRILL,
    "canary": {"in": "bucket", "bucket": "files", "prefix": "_drill/", "accept": []},
}
REHEARSAL = {
    **DRILL,
    "mode": "rehearsal",
    "canary": None,
    "scratch": {"bucket": "scratch"},
    "prefix": "site/",
}

SOURCE = Facts(
    name="files",
    versioning=ENABLED,
    encryption="AES256",
    blocked=True,
    ownership="BucketOwnerEnforced",
    expiries=(Expiry(rule="old", prefix="", days=90),),
)
SIBLING = replace(SOURCE, name="sibling", expiries=(Expiry(rule="n", prefix="", days=30),))
AROUND = Surroundings(source=SOURCE, place=SIBLING)


def make(
    drill: dict[str, Any] = DRILL,
    found: Surroundings = AROUND,
    overrides: Overrides | None = None,
) -> dict[str, Any]:
    return plan.make(
        drill=drill,
        overrides=overrides or Overrides(),
        found=found,
        execution=EXECUTION,
        now=NOW,
    )


def test_a_plan_names_the_only_place_that_is_written_to() -> None:
    made = make()
    assert made["place"] == {"bucket": "sibling", "prefix": f"drill-{made['run_id']}/"}
    assert made["blocked"] == ""
    inside = make(INSIDE, Surroundings(source=SOURCE, place=SOURCE))
    assert inside["place"] == {"bucket": "files", "prefix": f"_drill/drill-{made['run_id']}/"}
    around = Surroundings(source=SOURCE, place=SIBLING, objects=3)
    assert make(REHEARSAL, around)["place"] == {"bucket": "scratch", "prefix": ""}


def test_the_same_execution_makes_the_same_plan() -> None:
    assert make() == make()


def test_a_hold_is_counted_into_what_the_run_may_take() -> None:
    held = make(overrides=Overrides(hold_minutes=60))
    assert held["hold_seconds"] == 3600
    assert held["expires"] == "2026-11-10T08:30:30Z"
    assert make()["expires"] == "2026-11-10T07:30:30Z"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"public": True}, "public"),
        ({"blocked": False, "ownership": "ObjectWriter"}, "public"),
        ({"notified": ("",)}, "notification"),
        ({"notified": ("_drill/x",)}, "notification"),
        ({"retention": "GOVERNANCE, 30 days"}, "default_retention"),
        (
            {"replications": (Replication(rule="r", prefix="", destination="d", measured=True),)},
            "replication",
        ),
    ],
)
def test_the_real_bucket_is_refused_until_each_hazard_is_accepted_by_name(
    change: dict[str, Any], word: str
) -> None:
    source = replace(SOURCE, **change)
    around = Surroundings(source=source, place=source)
    with pytest.raises(Refused, match=rf"canary\.prefix: _drill/: .*or {word} in canary\.accept"):
        make(INSIDE, around)
    others = {"public", "replication", "notification", "default_retention"} - {word}
    with pytest.raises(Refused):
        make({**INSIDE, "canary": {**INSIDE["canary"], "accept": sorted(others)}}, around)
    assert make({**INSIDE, "canary": {**INSIDE["canary"], "accept": [word]}}, around)


def test_rules_for_other_prefixes_are_no_hazard() -> None:
    rule = Replication(rule="r", prefix="site/", destination="d", measured=True)
    source = replace(SOURCE, replications=(rule,), notified=("site/",))
    assert make(INSIDE, Surroundings(source=source, place=source))


def test_a_sibling_is_not_asked_what_covers_the_real_bucket() -> None:
    assert make(found=replace(AROUND, source=replace(SOURCE, public=True, notified=("",))))


def test_versions_that_could_not_be_deleted_again_are_not_written() -> None:
    with pytest.raises(Refused, match="sibling: MFA delete is on: expected it off"):
        make(found=replace(AROUND, place=replace(SIBLING, mfa_delete=True)))


@pytest.mark.parametrize(
    ("around", "message"),
    [
        ({"objects": 1001, "more": True}, r"objects_maximum: 1000: files/site/ holds more"),
        ({"objects": 0}, r"prefix: 'site/': files/site/ holds no object"),
    ],
)
def test_a_rehearsal_of_too_much_or_of_nothing_is_refused(
    around: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        make(REHEARSAL, replace(AROUND, **around))


@pytest.mark.parametrize("versioning", ["Suspended", ""])
def test_nothing_is_tried_where_no_versions_are_kept(versioning: str) -> None:
    told = versioning or "not on"
    place = replace(SIBLING, versioning=versioning)
    assert make(found=replace(AROUND, place=place))["blocked"] == f"versioning of sibling is {told}"
    source = replace(SOURCE, versioning=versioning)
    around = Surroundings(source=source, place=SIBLING, objects=1)
    assert make(REHEARSAL, around)["blocked"] == f"versioning of files is {told}"
    assert make(found=replace(AROUND, source=source))["blocked"] == "", "Verify tells of it"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"input: \[\]: expected an object"),
        ({"hold_minutes": "5"}, "input: hold_minutes: '5': expected a whole number"),
        ({"hold_minutes": 481}, "input: hold_minutes: 481: expected 0 to 480"),
        ({"dry_run": 1}, "input: dry_run: 1: expected true or false"),
        ({"scheduled_time": "soon"}, "input: scheduled_time: 'soon' is not an RFC 3339 time"),
        ({"restore_time": "x"}, "input: restore_time: unknown key"),
    ],
)
def test_bad_input_is_refused_by_name(given: Any, message: str) -> None:
    with pytest.raises(Refused, match=message):
        plan.read_input(given)


def test_teardown_believes_no_plan_that_names_another_place() -> None:
    made = make()
    assert place_of(DRILL, made) == ("sibling", made["place"]["prefix"])
    own = made["place"]["prefix"]
    moved = {**made, "place": {"bucket": "files", "prefix": f"_drill/{own}"}}
    assert place_of(DRILL, moved) == ("files", f"_drill/{own}"), "where it wrote before"
    for place in (
        {"bucket": "other", "prefix": own},
        {"bucket": "sibling", "prefix": f"x{own}"},
        {"bucket": "sibling", "prefix": own[:-1]},
        {"bucket": "sibling", "prefix": ""},
        {"bucket": "sibling", "prefix": "drill-"},
        {"bucket": "sibling", "prefix": "drill-20261110-000000/"},
    ):
        with pytest.raises(NotOurs):
            place_of(DRILL, {**made, "place": place})
    around = Surroundings(source=SOURCE, place=SIBLING, objects=1)
    rehearsed = make(REHEARSAL, around)
    assert place_of(REHEARSAL, rehearsed) == ("scratch", "")
    with pytest.raises(NotOurs, match="expected a scratch bucket"):
        place_of({**REHEARSAL, "scratch": {"bucket": "files"}}, rehearsed)
    with pytest.raises(NotOurs):
        place_of(REHEARSAL, {**rehearsed, "place": {"bucket": "files", "prefix": ""}})


def test_the_horizon_is_that_of_the_soonest_rule_that_may_touch_a_prefix() -> None:
    rules = (
        Expiry(rule="all", prefix="", days=90),
        Expiry(rule="site", prefix="site/", days=30),
        Expiry(rule="logs", prefix="logs/", days=1),
    )
    facts = replace(SOURCE, expiries=rules)
    assert [getattr(soonest(rules, prefix), "rule", None) for prefix in ("", "site/a", "x/")] == [
        "logs",
        "site",
        "all",
    ]
    assert horizon(facts, "site/a", NOW).startswith("2026-10-11T05:00:30")
    assert horizon(replace(facts, expiries=()), "", NOW) == ""
    assert Facts.from_document(facts.to_document()) == facts
