"""A look at secrets that a real function rotated, or could not: each damage is found, alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from functions.secret_rotation import rotations
from lab.calls import Call, Refusal
from lab.lambdas import arn
from lab.secrets_manager import PRINCIPAL
from tests.steps.rotation import FUNCTION, Premises
from tests.steps.watch_rotation.secret import Trail, Watched, look

pytestmark = pytest.mark.usefixtures("trail")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Damage = Callable[[Watched], object]


def overdue(secret: Watched) -> None:
    secret.manager.set_next_rotation(secret.arn, datetime.now(UTC) - 2 * DAY)


def never_rotated(secret: Watched) -> None:
    secret.stored.rotated, secret.stored.created = None, datetime.now(UTC) - 40 * DAY


def aged(secret: Watched) -> None:
    secret.stored.rotated = datetime.now(UTC) - 40 * DAY


def forbidden(secret: Watched) -> None:
    secret.emulator.allow_invoke(
        FUNCTION, PRINCIPAL, None, "rotation", source_arn=f"{secret.arn[:-6]}Others"
    )


def test_a_secret_in_order_has_no_finding(secret: Watched) -> None:
    found = secret.health()
    assert found.findings == ()
    [age] = found.gauges
    assert age.name == "DaysSinceRotated"
    assert 0 <= age.value < 1
    assert found.facts["function"] == arn(FUNCTION)
    assert found.facts["schedule_days"] == 30.0


@pytest.mark.parametrize(
    ("damage", "condition", "says"),
    [
        (lambda s: s.api.delete_secret(SecretId=s.arn), "secret-gone", "for deletion"),
        (
            lambda s: s.api.delete_secret(SecretId=s.arn, ForceDeleteWithoutRecovery=True),
            "secret-gone",
            "no such secret",
        ),
        (lambda s: s.describe_function(), "rotation-failed", "is not there"),
        (lambda s: s.describe_function(State="Failed"), "rotation-failed", "is Failed"),
        (
            lambda s: s.describe_function(LastUpdateStatus="Failed"),
            "rotation-failed",
            "its last update failed",
        ),
        (forbidden, "rotation-failed", "does not let secretsmanager.amazonaws.com invoke it"),
        (
            lambda s: s.api.cancel_rotate_secret(SecretId=s.arn),
            "rotation-overdue",
            "switched off",
        ),
        (overdue, "rotation-overdue", "a rotation was missed"),
        (never_rotated, "rotation-overdue", "never rotated, 40.0 days"),
        (aged, "rotation-overdue", "40.0 days: expected 30 days at most"),
        (
            lambda s: s.rotate(RotationRules={"AutomaticallyAfterDays": 90}),
            "advice",
            "every 90 days",
        ),
    ],
)
def test_each_damage_is_found(secret: Watched, damage: Damage, condition: str, says: str) -> None:
    damage(secret)
    [only] = secret.health().findings
    assert only.condition == condition
    assert only.text.startswith(f"{secret.name}: ")
    assert says in only.text


@pytest.mark.parametrize("fail", [Watched.fail_to_rotate, Watched.fail_to_log_in])
def test_a_rotation_that_failed_is_found_after_an_hour_and_gone_once_it_is_mended(
    secret: Watched, fail: Callable[[Watched], str]
) -> None:
    version = fail(secret)
    assert secret.conditions() == []
    [only] = secret.health(later=HOUR + timedelta(minutes=1)).findings
    assert only.condition == "rotation-failed"
    assert f"AWSPENDING on version {version}" in only.text
    secret.api.update_secret_version_stage(
        SecretId=secret.arn, VersionStage="AWSPENDING", RemoveFromVersionId=version
    )
    secret.rotate()
    assert secret.conditions(later=2 * HOUR) == []


def test_a_change_of_tags_does_not_hide_that_a_version_with_a_value_is_stuck(
    secret: Watched,
) -> None:
    version = secret.fail_to_log_in()
    secret.manager.set_created(secret.arn, version, datetime.now(UTC) - 2 * HOUR)
    secret.api.tag_resource(SecretId=secret.arn, Tags=[{"Key": "a", "Value": "b"}])
    assert secret.conditions() == ["rotation-failed"]


def test_a_month_without_a_rotation_is_overdue(secret: Watched) -> None:
    assert secret.conditions(later=30 * DAY) == []
    assert set(secret.conditions(later=33 * DAY)) == {"rotation-overdue"}


def test_a_function_that_drills_yaml_does_not_name_is_not_asked_about(
    premises: Premises, secret: Watched
) -> None:
    called: list[Call] = []
    premises.emulator.before_call.append(called.append)
    [only] = secret.health(functions=["another"]).findings
    assert only.condition == "advice"
    assert "which drills.yaml does not name: expected another" in only.text
    assert "lambda" not in {call.service for call in called}


def test_a_replica_that_failed_is_advice(
    premises: Premises, secret: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = premises.emulator.own_answer

    def with_replicas(call: Call) -> bytes | None:
        answer = others(call)
        if call.operation != "DescribeSecret" or answer is None:
            return answer
        states = [{"Region": "us-east-1", "Status": "Failed"}, {"Region": "eu-west-1"}]
        return json.dumps({**json.loads(answer), "ReplicationStatus": states}).encode()

    monkeypatch.setattr(premises.emulator, "own_answer", with_replicas)
    found = secret.health()
    assert [finding.condition for finding in found.findings] == ["advice"]
    assert found.facts["replicas"] == {"us-east-1": "Failed", "eu-west-1": ""}


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ("DescribeSecret", "DescribeSecret of {} could not be asked: NotAllowed"),
        ("GetFunctionConfiguration", "the rotation function rotate-shop could not be asked"),
        ("GetPolicy", "the rotation function rotate-shop could not be asked"),
    ],
)
def test_each_question_that_is_denied_is_a_finding(
    secret: Watched, operation: str, says: str
) -> None:
    secret.deny(operation)
    [only] = secret.health().findings
    assert only.condition == "unreadable"
    assert only.text.startswith(says.format(secret.name))


def test_a_stuck_rotation_is_found_though_its_versions_may_not_be_listed(secret: Watched) -> None:
    secret.fail_to_log_in()
    secret.deny("ListSecretVersionIds")
    assert secret.conditions() == ["unreadable"]
    assert secret.conditions(later=2 * HOUR) == ["rotation-failed", "unreadable"]


def test_one_secret_that_cannot_be_read_does_not_stop_the_others(
    premises: Premises, secret: Watched
) -> None:
    others = [Watched(premises), Watched(premises)]
    first, second, third = secret, *others

    def refuse(call: Call) -> Refusal | None:
        if call.parameters.get("SecretId") == first.name:
            return Refusal("InternalServiceError", "as asked")
        return None

    premises.emulator.before_call.append(refuse)
    second.api.cancel_rotate_secret(SecretId=second.arn)
    found = look(first.source(), second.source(), third.source())
    assert [[finding.condition for finding in each.findings] for each in found] == [
        ["unreadable"],
        ["rotation-overdue"],
        [],
    ]


def test_no_value_is_ever_read_and_the_questions_grow_with_the_secrets(
    premises: Premises, secret: Watched
) -> None:
    sources = [each.source() for each in (secret, Watched(premises), Watched(premises))]
    called: list[Call] = []
    premises.emulator.before_call.append(called.append)
    look(*sources)
    operations = Counter(call.operation for call in called)
    assert operations == {
        "LookupEvents": 2,
        "DescribeSecret": len(sources),
        "GetFunctionConfiguration": 1,
        "GetPolicy": 1,
    }


def test_a_function_that_could_not_be_asked_about_is_told_of_each_secret_and_asked_once(
    premises: Premises, secret: Watched
) -> None:
    asked: list[Call] = []

    def refuse(call: Call) -> Refusal | None:
        if call.operation != "GetFunctionConfiguration":
            return None
        asked.append(call)
        return Refusal("AccessDeniedException", "as asked")

    premises.emulator.before_call.append(refuse)
    found = look(secret.source(), Watched(premises).source())
    assert [[finding.condition for finding in each.findings] for each in found] == [
        ["unreadable"],
        ["unreadable"],
    ]
    assert len(asked) == 1


def test_a_function_that_is_not_there_is_told_of_each_secret(
    premises: Premises, secret: Watched
) -> None:
    other = Watched(premises)
    secret.describe_function()
    for each in look(secret.source(), other.source()):
        assert [finding.condition for finding in each.findings] == ["rotation-failed"]


def test_without_a_secret_nothing_is_asked(trail: Trail) -> None:
    assert look() == []
    assert trail.asked == []


def test_the_rate_of_success_is_what_cloudtrail_tells_of_this_secret(
    secret: Watched, trail: Trail
) -> None:
    for _ in range(3):
        trail.ended(secret.arn, "RotationSucceeded")
    trail.ended(secret.arn, "RotationFailed")
    trail.ended(f"{secret.arn[:-6]}Others", "RotationFailed")
    found = secret.health()
    assert found.findings == ()
    assert {gauge.name: gauge.value for gauge in found.gauges}["RotationSuccessPercent"] == 75.0
    assert (found.facts["rotations"]["succeeded"], found.facts["rotations"]["failed"]) == (3, 1)


def test_a_secret_of_which_cloudtrail_has_no_event_has_no_rate(
    secret: Watched, trail: Trail
) -> None:
    trail.events.append({"EventName": "RotationFailed", "EventTime": 0.0, "EventId": "odd"})
    found = secret.health()
    assert [gauge.name for gauge in found.gauges] == ["DaysSinceRotated"]
    assert found.facts["rotations"]["why"].startswith("CloudTrail has none since ")


def test_a_cloudtrail_that_does_not_answer_is_advice_for_each_secret(
    premises: Premises, secret: Watched
) -> None:
    secret.deny("LookupEvents")
    found, other = look(secret.source(), Watched(premises).source())
    [only] = found.findings
    assert only.condition == "advice"
    assert only.text.startswith(
        f"{secret.name}: the rate of success is not known: LookupEvents could not be asked: "
    )
    assert [finding.condition for finding in other.findings] == ["advice"]
    assert found.facts["rotations"]["known"] is False
    assert "LookupEvents could not be asked" in found.facts["rotations"]["why"]


def test_of_many_events_the_newest_are_read_of_both_names_for_the_same_time(
    secret: Watched, trail: Trail
) -> None:
    for number in range(rotations.MOST_EVENTS + 1):
        trail.ended(secret.arn, "RotationSucceeded", ago=number * HOUR)
    trail.ended(secret.arn, "RotationFailed", ago=HOUR)
    trail.ended(secret.arn, "RotationFailed", ago=(rotations.MOST_EVENTS + 5) * HOUR)
    counted = secret.health().facts["rotations"]
    assert (counted["succeeded"], counted["failed"]) == (rotations.MOST_EVENTS, 1)
    assert len(trail.asked) == 5
