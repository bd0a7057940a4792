"""lab/policies.py against the rules of IAM's own guide: one line a rule."""

from __future__ import annotations

from typing import Any

import pytest

from lab.policies import Context, Decision, Request, Role, UnknownOperator, decide

BUCKET = "arn:aws:s3:::bucket"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "*", "Resource": "*", **elements}


def allowed(condition: dict[str, Any], context: Context) -> bool:
    policy = {"Statement": statement(Condition=condition)}
    return decide([policy], Request("s3:GetObject", BUCKET, context)) is Decision.ALLOW


def test_nothing_is_allowed_unless_something_allows_it() -> None:
    assert decide([], Request("s3:GetObject", BUCKET)) is Decision.IMPLICIT_DENY


def test_a_deny_wins_wherever_it_stands() -> None:
    policies = [{"Statement": [statement("Deny"), statement()]}, {"Statement": statement()}]
    assert decide(policies, Request("s3:GetObject", BUCKET)) is Decision.EXPLICIT_DENY


@pytest.mark.parametrize(
    ("action", "asked", "holds"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:GetObjec?", "s3:GetObject", True),
        (["s3:Put*", "s3:List*"], "s3:ListBucket", True),
        ("*", "rds:DeleteDBCluster", True),
    ],
)
def test_actions(action: Any, asked: str, holds: bool) -> None:
    policy = {"Statement": statement(Action=action)}
    assert (decide([policy], Request(asked, BUCKET)) is Decision.ALLOW) is holds


@pytest.mark.parametrize(
    ("resource", "asked", "holds"),
    [
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b", True),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket", False),
        ("arn:aws:s3:::Bucket", "arn:aws:s3:::bucket", False),
        ("arn:aws:rds:*:*:cluster:drill-*", "arn:aws:rds:r:1:cluster:drill-a", True),
        ("arn:aws:rds:*:*:cluster:drill-*", "arn:aws:rds:r:1:cluster:prod", False),
        ("arn:aws:rds:*:cluster:drill-*", "arn:aws:rds:r:1:cluster:drill-a", False),
        ("*", "arn:aws:rds:r:1:cluster:prod", True),
        ("arn:aws:iam::1:role/?", "arn:aws:iam::1:role/ab", False),
    ],
)
def test_resources(resource: str, asked: str, holds: bool) -> None:
    policy = {"Statement": statement(Resource=resource)}
    assert (decide([policy], Request("a:B", asked)) is Decision.ALLOW) is holds


def test_not_action_and_not_resource_mean_all_others() -> None:
    policy = {
        "Statement": {
            "Effect": "Deny",
            "NotAction": ["s3:Get*"],
            "NotResource": [f"{BUCKET}/ours/*"],
        }
    }
    assert decide([policy], Request("s3:PutObject", BUCKET)) is Decision.EXPLICIT_DENY
    assert decide([policy], Request("s3:GetObject", BUCKET)) is Decision.IMPLICIT_DENY
    ours = Request("s3:PutObject", f"{BUCKET}/ours/a")
    assert decide([policy], ours) is Decision.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("StringLike", "a*", "ab", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotLike", "a*", "ab", False),
        ("ArnLike", "arn:aws:sns:*:1:t", "arn:aws:sns:r:1:t", True),
        ("ArnNotLike", "arn:aws:sns:*:1:t", "arn:aws:sns:r:2:t", True),
        ("Bool", "true", "True", True),
        ("Bool", True, "false", False),
        ("NumericLessThanEquals", "7", "7", True),
        ("NumericGreaterThan", "7", "7", False),
        ("NumericNotEquals", 7, "8", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", True),
    ],
)
def test_operators(operator: str, wanted: Any, value: str, holds: bool) -> None:
    assert allowed({operator: {"aws:Key": wanted}}, {"AWS:key": value}) is holds


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("BoolIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
    ],
)
def test_a_key_that_is_not_in_the_request(operator: str, holds: bool) -> None:
    assert allowed({operator: {"aws:Key": "a"}}, {}) is holds


@pytest.mark.parametrize(
    ("operator", "values", "holds"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["c", "a"], True),
        ("ForAnyValue:StringEquals", ["c", "d"], False),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["c", "a"], False),
        ("ForAnyValue:StringNotEquals", ["c", "a"], True),
    ],
)
def test_a_key_with_several_values(operator: str, values: list[str], holds: bool) -> None:
    assert allowed({operator: {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": values}) is holds


def test_null_asks_whether_a_key_is_there() -> None:
    assert allowed({"Null": {"aws:Key": "true"}}, {})
    assert not allowed({"Null": {"aws:Key": "true"}}, {"aws:Key": "a"})
    assert allowed({"Null": {"aws:Key": "false"}}, {"aws:Key": "a"})


def test_all_operators_and_keys_must_hold() -> None:
    both = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    assert allowed(both, {"a": "1", "b": "2", "c": "true"})
    assert not allowed(both, {"a": "1", "b": "2", "c": "false"})
    assert not allowed(both, {"a": "1", "c": "true"})


def test_variables_take_their_value_from_the_request_and_match_only_themselves() -> None:
    policy = {"Statement": statement(Resource=f"{BUCKET}/${{aws:PrincipalTag/team}}/*")}

    def reads(team: str, key: str) -> bool:
        context: Context = {"aws:PrincipalTag/team": team}
        request = Request("s3:GetObject", f"{BUCKET}/{key}", context)
        return decide([policy], request) is Decision.ALLOW

    assert reads("red", "red/a")
    assert not reads("red", "blue/a")
    assert not reads("*", "blue/a")
    assert decide([policy], Request("s3:GetObject", f"{BUCKET}//a")) is Decision.IMPLICIT_DENY
    literal = {"Statement": statement(Resource=f"{BUCKET}/${{*}}")}
    assert decide([literal], Request("s3:GetObject", f"{BUCKET}/*")) is Decision.ALLOW
    assert decide([literal], Request("s3:GetObject", f"{BUCKET}/a")) is Decision.IMPLICIT_DENY
    default = {"Statement": statement(Resource=f"{BUCKET}/${{aws:PrincipalTag/team, 'all'}}/*")}
    assert decide([default], Request("s3:GetObject", f"{BUCKET}/all/a")) is Decision.ALLOW


def test_an_unknown_operator_raises_instead_of_guessing() -> None:
    for operator in ("IpAddress", "StringMatches", "ForEach:StringEquals"):
        with pytest.raises(UnknownOperator, match=operator):
            allowed({operator: {"aws:Key": "a"}}, {"aws:Key": "a"})


def test_a_boundary_takes_away_and_never_gives() -> None:
    reading = {"Statement": statement(Action="s3:Get*")}
    everything = {"Statement": statement()}
    read, write = Request("s3:GetObject", BUCKET), Request("s3:PutObject", BUCKET)
    bounded = Role(policies=(everything,), boundary=reading)
    assert bounded.allows(read)
    assert bounded.decide(write) is Decision.IMPLICIT_DENY
    assert not Role(policies=(), boundary=everything).allows(read)
    denying = Role(policies=(), boundary={"Statement": statement("Deny")})
    assert denying.decide(read) is Decision.EXPLICIT_DENY
