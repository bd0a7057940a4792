"""Plan of a rotation: what refuses a drill, what blocks a password, what is named."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.aurora.values import Cluster
from functions.errors import Refused
from functions.model import CheckClass
from functions.secret_rotation import plan
from functions.secret_rotation.plan import Look, Surroundings
from functions.secret_rotation.values import (
    Credential,
    Invoker,
    RotationFunction,
    Secret,
    Version,
)

NOW = datetime(2026, 11, 1, 5, 30, 0, tzinfo=UTC)
"""A Sunday, 02:30 in São Paulo."""

EXECUTION = {
    "id": "arn:aws:states:sa-east-1:123456789012:execution:drill-secret-monthly:one",
    "name": "one",
    "start_time": "2026-11-01T05:29:00Z",
}
ARN = "arn:aws:secretsmanager:sa-east-1:123456789012:secret"
FUNCTION = "drill-rotate-main"
FUNCTION_ARN = f"arn:aws:lambda:sa-east-1:123456789012:function:{FUNCTION}"
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1"
WINDOW = {"days": ["sun"], "start": "02:00", "end": "04:00", "timezone": "America/Sao_Paulo"}
TEXT = "only of tests, Pa55word"

DRILL: dict[str, Any] = {
    "name": "secret-monthly",
    "kind": "secret_rotation",
    "secret": "prod/app",
    "mode": "rehearsal",
    "window": None,
    "rehearsal": {"secret": "drill-rotation-secret-monthly"},
    "function": FUNCTION,
    "managed": True,
    "network": {"name": "main", "subnets": ["subnet-1"], "security_group": "sg-1"},
    "kms_key": KEY,
    "cluster": "prod",
    "hosts": [],
    "rotation_days_maximum": 30,
    "require_tls": True,
    "probes": [],
    "objectives": {"rto_seconds": 120, "lockout_seconds": 1},
    "deadlines": {"verify_seconds": 7200, "teardown_seconds": 1800},
    "timing": {"poll_seconds": 30, "rotation_seconds": 600, "cache_seconds": 300},
    "severity": "medium",
}
LIVE = {"mode": "live", "window": WINDOW}

SOURCE = Secret(
    arn=f"{ARN}:prod/app-AbCdEf",
    name="prod/app",
    kms_key=KEY,
    owner="",
    deleted=False,
    rotation_enabled=True,
    rotation_function=FUNCTION_ARN,
    schedule_days=30.0,
    last_rotated_at=NOW - timedelta(days=12),
    next_rotation_at=NOW + timedelta(days=18),
    stages={"v2": ("AWSCURRENT",), "v1": ("AWSPREVIOUS",)},
    asked_at=NOW - timedelta(seconds=2),
)
OWN = replace(
    SOURCE,
    arn=f"{ARN}:drill-rotation-secret-monthly-AbCdEf",
    name="drill-rotation-secret-monthly",
    rotation_enabled=False,
    rotation_function="",
    schedule_days=None,
    last_rotated_at=None,
    next_rotation_at=None,
    stages={"r1": ("AWSCURRENT",)},
)
HELD = Credential(
    host="writer.example",
    port=5432,
    database="app",
    username="app",
    password=TEXT,
    engine="postgres",
)
VERSIONS = (
    Version(id="v2", created_at=NOW - timedelta(days=12), stages=("AWSCURRENT",)),
    Version(id="v1", created_at=NOW - timedelta(days=42), stages=("AWSPREVIOUS",)),
)
SEEN = Look(secret=SOURCE, credential=HELD, versions=VERSIONS)
SEEN_OWN = Look(secret=OWN, credential=replace(HELD, username="backup_drills_rotation"))
ROTATES = RotationFunction(
    arn=FUNCTION_ARN,
    name=FUNCTION,
    state="Active",
    last_update="Successful",
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    invokers=(Invoker(service="secretsmanager.amazonaws.com"),),
)
CLUSTER = Cluster(
    identifier="prod",
    arn="arn:aws:rds:sa-east-1:123456789012:cluster:prod",
    resource_id="cluster-ABC",
    status="available",
    engine="aurora-postgresql",
    engine_version="15.8",
    encrypted=True,
    kms_key_id=KEY,
    port=5432,
    endpoint="writer.example",
    reader_endpoint="reader.example",
    earliest_restorable_time=NOW - timedelta(days=7),
    latest_restorable_time=NOW - timedelta(minutes=5),
    retention_days=7,
    iam_authentication=True,
    members=("prod-1",),
    tags={},
    created_at=NOW - timedelta(days=400),
    lifecycle_support="",
    storage_type="",
)
AROUND = Surroundings(source=SEEN, rehearsal=SEEN_OWN, function=ROTATES, cluster=CLUSTER)


def make(found: Surroundings = AROUND, *, now: datetime = NOW, **drill: Any) -> dict[str, Any]:
    return plan.make(drill=DRILL | drill, found=found, execution=EXECUTION, now=now)


def of_source(**changes: Any) -> dict[str, Any]:
    return {"source": replace(SEEN, secret=replace(SOURCE, **changes))}


def of_own(**changes: Any) -> dict[str, Any]:
    return {"rehearsal": replace(SEEN_OWN, secret=replace(OWN, **changes))}


def of_function(**changes: Any) -> dict[str, Any]:
    return {"function": replace(ROTATES, **changes)}


REFUSALS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"source": Look(secret=None)},
        {},
        "secret: prod/app: not found: expected a secret of this account and region",
    ),
    (
        of_source(deleted=True),
        {},
        "secret: prod/app: is scheduled for deletion: expected one in use",
    ),
    (
        of_source(owner="rds"),
        {},
        "secret: prod/app: belongs to the service rds, which rotates it by itself: expected a"
        " secret that a function rotates",
    ),
    (
        of_source(rotation_enabled=False),
        {},
        "secret: prod/app: rotation is off: expected it on (aws secretsmanager rotate-secret"
        " --secret-id prod/app --rotation-lambda-arn ... --rotation-rules"
        " AutomaticallyAfterDays=30 --no-rotate-immediately)",
    ),
    (
        of_source(rotation_function=f"{FUNCTION_ARN}-other"),
        {},
        f"function: {FUNCTION}: the secret is rotated by {FUNCTION}-other: set function:"
        f" {FUNCTION}-other and deploy",
    ),
    (
        {"function": None},
        {},
        f"function: {FUNCTION}: not found: expected the function that the secret names",
    ),
    (of_function(state="Failed"), {}, f"function: {FUNCTION}: is Failed: expected Active"),
    (of_function(state="Pending"), {}, f"function: {FUNCTION}: is Pending: expected Active"),
    (
        of_function(last_update="Failed"),
        {},
        f"function: {FUNCTION}: its last update failed: expected one that runs",
    ),
    (
        of_function(invokers=(Invoker(service="s3.amazonaws.com"),)),
        {},
        f"function: {FUNCTION}: its policy does not let secretsmanager.amazonaws.com invoke it for"
        f" {OWN.name}: expected a permission (aws lambda add-permission --function-name {FUNCTION}"
        " --statement-id backup-drills --action lambda:InvokeFunction --principal"
        f" secretsmanager.amazonaws.com --source-arn {OWN.arn})",
    ),
    (
        {},
        {"network": None},
        "network: none: the function is in subnet-1, subnet-2: expected the name of a network"
        " with these subnets and sg-1",
    ),
    (
        of_function(subnets=(), security_groups=()),
        {},
        "network: main: subnet-1: the function is in no VPC: expected subnets of its own;"
        " network: main: sg-1: the function's groups are none: expected one of them",
    ),
    (
        of_function(subnets=("subnet-9",)),
        {},
        "network: main: subnet-1: the function is in subnet-9: expected subnets of its own",
    ),
    (
        of_function(security_groups=("sg-8", "sg-9")),
        {},
        "network: main: sg-1: the function's groups are sg-8, sg-9: expected one of them",
    ),
    (
        {"rehearsal": Look(secret=None)},
        {},
        "rehearsal: secret drill-rotation-secret-monthly: not found: make it again by hand, as the"
        " template has it",
    ),
    (
        of_own(deleted=True),
        {},
        "rehearsal: secret drill-rotation-secret-monthly: is scheduled for deletion: restore it",
    ),
    (
        {},
        {"kms_key": ""},
        f"kms_key: not set: the secret is encrypted with {KEY}: set kms_key: {KEY} and deploy",
    ),
    (
        of_source(kms_key=""),
        {},
        f"kms_key: {KEY}: the secret is encrypted with the key of Secrets Manager:"
        " leave kms_key away and deploy",
    ),
    (
        of_source(kms_key="alias/app"),
        {"kms_key": ""},
        "kms_key: not set: the secret is encrypted with alias/app: set kms_key to the ARN of the"
        " key that alias/app stands for and deploy",
    ),
    (
        of_source(rotation_function=f"{FUNCTION_ARN}:live"),
        {},
        f"function: {FUNCTION}: the secret names the version or alias live of {FUNCTION}:"
        " expected the function itself",
    ),
    (
        {"source": Look(secret=None, hidden="prod/app may not be looked at")},
        {},
        "secret: prod/app: not found (prod/app may not be looked at): expected a secret of this"
        " account and region",
    ),
    (
        {"source": replace(SEEN, credential=None, unreadable="secret prod/app: port: not a port")},
        {},
        "secret prod/app: port: not a port",
    ),
    (
        {"rehearsal": replace(SEEN_OWN, credential=None, unreadable="secret r: password: missing")},
        {},
        "secret r: password: missing",
    ),
    (
        {},
        {"mode": "live"},
        "window: missing: mode live rotates a real secret, and only inside a window",
    ),
    (
        {},
        {"mode": "live", "window": {**WINDOW, "days": ["mon", "sat"]}},
        "window: it is Sun 02:30 in America/Sao_Paulo: expected mon, sat 02:00 to 04:00",
    ),
    (
        {"cluster": None},
        {},
        "cluster: prod: not found: expected an Aurora cluster here",
    ),
    (
        {"source": replace(SEEN, credential=replace(HELD, superuser=f"{ARN}:master"))},
        {},
        "function: managed: the secret names a masterarn: expected a secret of a single user",
    ),
]


@pytest.mark.parametrize(("found", "drill", "says"), REFUSALS)
def test_each_precondition_refuses_by_key_value_and_expectation(
    found: dict[str, Any], drill: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused) as refusal:
        make(replace(AROUND, **found), **drill)
    assert str(refusal.value) == says
    assert TEXT not in str(refusal.value)


def test_all_reasons_are_given_at_once() -> None:
    found = replace(AROUND, cluster=None, **of_function(state="Failed"), **of_own(deleted=True))
    with pytest.raises(Refused, match=r"is Failed.*scheduled for deletion.*cluster: prod"):
        make(found)


def test_of_a_service_s_secret_its_function_is_no_matter() -> None:
    found = replace(AROUND, function=None, **of_source(owner="rds", rotation_function=""))
    with pytest.raises(Refused) as refusal:
        make(found)
    assert "function:" not in str(refusal.value)


def test_another_s_function_may_rotate_between_two_users() -> None:
    held = replace(HELD, superuser=f"{ARN}:master")
    made = make(replace(AROUND, source=replace(SEEN, credential=held)), managed=False)
    assert made["subject"]["strategy"] == "alternating users"


@pytest.mark.parametrize("state", ["Active", "Inactive"])
def test_a_function_that_sleeps_will_wake(state: str) -> None:
    assert make(replace(AROUND, **of_function(state=state)))["blocked"] == ""


@pytest.mark.parametrize("key", [KEY, KEY.rpartition("/")[2]])
def test_a_key_is_the_same_by_id_and_by_arn(key: str) -> None:
    assert make(replace(AROUND, **of_source(kms_key=key)))


def test_what_an_alias_stands_for_is_not_known() -> None:
    assert make(replace(AROUND, **of_source(kms_key="alias/app")))


@pytest.mark.parametrize(("source", "is_let_in"), [("*", True), (OWN.arn, True), ("arn:x*", False)])
def test_a_permission_is_for_the_secret_that_is_rotated(source: str, is_let_in: bool) -> None:
    invoker = Invoker(service="secretsmanager.amazonaws.com", source=source)
    found = replace(AROUND, **of_function(invokers=(invoker,)))
    if is_let_in:
        assert make(found)
        return
    with pytest.raises(Refused, match=f"invoke it for {OWN.name}"):
        make(found)


def test_no_network_where_the_function_is_in_none() -> None:
    assert make(replace(AROUND, **of_function(subnets=(), security_groups=())), network=None)


def test_in_live_mode_the_secret_itself_is_rotated() -> None:
    made = make(replace(AROUND, rehearsal=None), **LIVE)
    assert made["subject"]["arn"] == made["source"]["arn"] == SOURCE.arn


def test_in_a_rehearsal_the_drill_s_own_secret_by_the_source_s_function() -> None:
    made = make()
    assert made["subject"] == {
        "name": OWN.name,
        "arn": OWN.arn,
        "function": FUNCTION_ARN,
        "strategy": "single user",
        "recent": [],
        "step_seconds": 0,
        "log_group": f"/aws/lambda/{FUNCTION}",
    }
    assert made["source"]["name"] == "prod/app"


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        # The last minute is in it, the end itself is not; days are local.
        (WINDOW, "2026-11-01T05:00:00+00:00", True),
        (WINDOW, "2026-11-01T04:59:59+00:00", False),
        (WINDOW, "2026-11-01T06:59:59+00:00", True),
        (WINDOW, "2026-11-01T07:00:00+00:00", False),
        (WINDOW, "2026-11-02T05:30:00+00:00", False),
        # Past midnight it belongs to the day on which it opened.
        (WINDOW | {"start": "23:00", "end": "01:00"}, "2026-11-02T02:30:00+00:00", True),
        (WINDOW | {"start": "23:00", "end": "01:00"}, "2026-11-02T03:59:00+00:00", True),
        (WINDOW | {"start": "23:00", "end": "01:00"}, "2026-11-02T04:00:00+00:00", False),
        (WINDOW | {"start": "23:00", "end": "01:00"}, "2026-11-01T03:30:00+00:00", False),
        (WINDOW | {"start": "23:00", "end": "01:00"}, "2026-11-01T02:30:00+00:00", False),
        # Clocks go back in Berlin on 25 October 2026 at 03:00: 02:30 is there twice.
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-10-25T00:30:00+00:00", True),
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-10-25T01:30:00+00:00", True),
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-10-25T02:59:00+00:00", True),
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-10-25T03:00:00+00:00", False),
        # And forward on 29 March 2026 at 02:00: the window is an hour shorter.
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-03-29T00:59:00+00:00", False),
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-03-29T01:00:00+00:00", True),
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-03-29T01:59:00+00:00", True),
        (WINDOW | {"timezone": "Europe/Berlin"}, "2026-03-29T02:00:00+00:00", False),
    ],
)
def test_the_window_is_of_local_time(window: dict[str, Any], moment: str, is_open: bool) -> None:
    assert plan.is_open(window, datetime.fromisoformat(moment)) is is_open


def test_a_host_that_is_not_the_cluster_s_blocks_every_password() -> None:
    elsewhere = replace(SEEN, credential=replace(HELD, host="elsewhere.example"))
    made = make(replace(AROUND, source=elsewhere))
    assert made["blocked"] == (
        "the secret names the host elsewhere.example: expected writer.example or reader.example"
    )


@pytest.mark.parametrize("host", ["writer.example", "reader.example", "proxy.example"])
def test_the_cluster_s_endpoints_and_the_configured_hosts_do_not(host: str) -> None:
    seen = replace(SEEN, credential=replace(HELD, host=host))
    assert make(replace(AROUND, source=seen), hosts=["proxy.example"])["blocked"] == ""


def test_without_a_cluster_the_configured_hosts_alone_count() -> None:
    found = replace(AROUND, cluster=None)
    assert make(found, cluster="", hosts=["writer.example"])["cluster"] is None
    assert "expected proxy.example" in make(found, cluster="", hosts=["proxy.example"])["blocked"]


def test_a_live_secret_that_is_being_rotated_is_left_alone() -> None:
    pending = {**SOURCE.stages, "v3": ("AWSPENDING",)}
    found = replace(AROUND, **of_source(stages=pending))
    assert make(found, **LIVE)["blocked"] == "a rotation of the secret is not finished"
    made = make(found)
    assert made["blocked"] == ""
    assert (made["source"]["pending"], made["source"]["pending_since"]) == ("v3", None)


def test_a_pending_label_on_the_current_version_is_no_rotation() -> None:
    finished = {"v2": ("AWSCURRENT", "AWSPENDING"), "v1": ("AWSPREVIOUS",)}
    assert make(replace(AROUND, **of_source(stages=finished)), **LIVE)["blocked"] == ""


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=7), True),
        (plan.UNDER_WAY - timedelta(seconds=1), True),
        (plan.UNDER_WAY, False),
        (timedelta(days=3), False),
    ],
)
def test_whether_a_rotation_is_under_way_or_stuck(age: timedelta, expected: bool) -> None:
    secret = replace(SOURCE, stages={**SOURCE.stages, "v3": ("AWSPENDING",)})
    begun = Version(id="v3", created_at=SOURCE.asked_at - age, stages=("AWSPENDING",))
    assert plan.is_under_way(secret, [begun, *VERSIONS]) is expected


def test_a_rotation_whose_version_is_still_empty_may_have_begun_this_moment() -> None:
    secret = replace(SOURCE, stages={**SOURCE.stages, "v3": ("AWSPENDING",)})
    assert plan.is_under_way(secret, VERSIONS)
    assert not plan.is_under_way(SOURCE, VERSIONS)


def test_token_and_run_come_from_the_execution_alone() -> None:
    made = make()
    other = replace(AROUND, **of_source(stages={"v9": ("AWSCURRENT",)}))
    again = make(other, now=NOW + timedelta(minutes=9), name="secret-monthly")
    assert (again["token"], again["run_id"]) == (made["token"], made["run_id"])
    elsewhere = plan.make(
        drill=DRILL, found=AROUND, execution={**EXECUTION, "id": "another"}, now=NOW
    )
    assert elsewhere["token"] != made["token"]
    assert elsewhere["run_id"] != made["run_id"]
    assert str(uuid.UUID(made["token"])) == made["token"]
    assert 32 <= len(made["token"]) <= 64


def test_the_plan_holds_no_password() -> None:
    assert TEXT not in repr(make())
    assert TEXT not in repr(AROUND)


def test_the_plan_tells_the_versions_newest_first_and_not_too_many() -> None:
    many = [
        Version(id=f"v{n}", created_at=NOW - timedelta(days=n), stages=())
        for n in range(plan.MOST_VERSIONS + 5)
    ]
    told = make(replace(AROUND, source=replace(SEEN, versions=many)))["source"]["versions"]
    assert len(told) == plan.MOST_VERSIONS
    assert told[0] == {"id": "v0", "created_at": "2026-11-01T05:30:00Z", "stages": []}


def test_deadlines_and_the_service_s_clock() -> None:
    made = make()
    assert made["deadline"] == "2026-11-01T07:30:00Z"
    assert made["expires"] == "2026-11-01T08:00:00Z"
    assert made["clock_skew_seconds"] == 2.0
    assert made["cluster"]["iam_authentication"] is True


def test_what_is_required_is_what_a_rotation_proves() -> None:
    assert set(make()["required_classes"]) == {
        CheckClass.ACCESS,
        CheckClass.ROTATION,
        CheckClass.PRIVILEGES,
        CheckClass.OBJECTIVE,
        CheckClass.TEARDOWN,
    }


@pytest.mark.parametrize(
    ("poll", "cache", "expected"),
    [(30, 300, {"plan": 60, "verify_unit": 70}), (10, 7200, {"plan": 140, "verify_unit": 780})],
)
def test_calls_last_as_long_as_what_is_waited_for(
    poll: int, cache: int, expected: dict[str, int]
) -> None:
    budget = plan.call_budget({"timing": {"poll_seconds": poll, "cache_seconds": cache}})
    assert {key: budget[key] for key in expected} == expected
    assert (budget["plan"] - 20) * poll >= plan.UNDER_WAY.total_seconds()
    assert (budget["verify_unit"] - 20) * poll >= cache


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], r"input: \[\]: expected an object"),
        ("live", "input: 'live': expected an object"),
        (None, "input: None: expected an object"),
        ({"mode": "live"}, "input: mode: unknown key: expected dry_run"),
        ({"hold_minutes": 5}, "input: hold_minutes: unknown key: expected dry_run"),
        ({"dry_run": "yes"}, "input: dry_run: 'yes': expected true or false"),
        ({"dry_run": 1}, "input: dry_run: 1: expected true or false"),
        ({"scheduled_time": "soon"}, "input: scheduled_time: 'soon' is not an RFC 3339 time"),
        ({"scheduled_time": 5}, "input: scheduled_time: 5 is not an RFC 3339 time"),
    ],
)
def test_bad_input_is_refused_by_key_value_and_expectation(given: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        plan.read_input(given)


def test_good_input() -> None:
    assert plan.read_input({}) == plan.Overrides()
    asked = plan.read_input({"dry_run": True, "scheduled_time": "2026-11-01T02:00:00-03:00"})
    assert asked == plan.Overrides(dry_run=True, scheduled_time="2026-11-01T05:00:00Z")
