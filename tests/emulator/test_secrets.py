"""Secrets Manager as AWS has it: versions and labels by its API, rotations by real functions."""

from __future__ import annotations

import json
import textwrap
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws import Invocation
from lab.calls import Call
from lab.emulator import Emulator, Refusal
from lab.lambdas import Functions, FunctionSpec, arn
from lab.secrets_manager import PRINCIPAL, STEPS, RotationFailure, SecretsManager

ROLE = "arn:aws:iam::123456789012:role/rotation"
ROTATE, REFUSED, FORBIDDEN = "rotate", "refused", "forbidden"

HANDLERS = """
    import boto3

    class LoginRefused(Exception):
        pass

    def rotate(event, context):
        secrets = boto3.client("secretsmanager")
        secret, token = event["SecretId"], event["ClientRequestToken"]
        labels = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
        if "AWSCURRENT" in labels[token]:
            return
        if event["Step"] == "createSecret":
            try:
                secrets.get_secret_value(SecretId=secret, VersionId=token)
            except secrets.exceptions.ResourceNotFoundException:
                secrets.put_secret_value(
                    SecretId=secret,
                    ClientRequestToken=token,
                    SecretString=f"made for {token}",
                    VersionStages=["AWSPENDING"],
                )
        elif event["Step"] == "testSecret":
            secrets.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        elif event["Step"] == "finishSecret":
            current = next(each for each in labels if "AWSCURRENT" in labels[each])
            secrets.update_secret_version_stage(
                SecretId=secret,
                VersionStage="AWSCURRENT",
                MoveToVersionId=token,
                RemoveFromVersionId=current,
            )

    def refused(event, context):
        if event["Step"] == "testSecret":
            raise LoginRefused("28P01")
        rotate(event, context)
"""


@pytest.fixture(scope="module")
def functions(
    emulator: Emulator, layer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Functions]:
    asset = tmp_path_factory.mktemp("rotation")
    (asset / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    made = Functions(
        endpoint=emulator.endpoint, folder=tmp_path_factory.mktemp("functions"), layer=layer
    )
    for name in (ROTATE, REFUSED, FORBIDDEN):
        made.create(
            FunctionSpec(
                name=name,
                handler=f"handlers.{REFUSED if name == REFUSED else ROTATE}",
                code=asset,
                environment={},
                role_arn=ROLE,
                timeout=30,
                vpc={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
                if name == ROTATE
                else None,
            )
        )
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def wired(emulator: Emulator, functions: Functions) -> Iterator[None]:
    before = emulator.invoke, emulator.describe_function, emulator.secrets.retry_seconds
    emulator.invoke, emulator.describe_function = functions.invoke, functions.configuration
    emulator.secrets.retry_seconds = 0.02
    for name in (ROTATE, REFUSED):
        emulator.allow_invoke(arn(name), PRINCIPAL, "123456789012", "rotation")
    emulator.allow_invoke(FORBIDDEN, PRINCIPAL, "210987654321", "rotation")
    yield
    emulator.invoke, emulator.describe_function, emulator.secrets.retry_seconds = before
    emulator.before_call.clear()
    emulator.after_call.clear()


class Secret:
    """A secret of one test."""

    def __init__(self, emulator: Emulator, value: str | None = "one") -> None:
        self.api = emulator.client("secretsmanager")
        self.name = f"company/{uuid.uuid4().hex[:8]}"
        self.first = token()
        given = {} if value is None else {"SecretString": value}
        made = self.api.create_secret(Name=self.name, ClientRequestToken=self.first, **given)
        self.arn = str(made["ARN"])
        self._seen = emulator.secrets

    def put(self, value: str, **options: Any) -> str:
        put = self.api.put_secret_value(SecretId=self.name, SecretString=value, **options)
        return str(put["VersionId"])

    def value(self, **which: str) -> str:
        return str(self.api.get_secret_value(SecretId=self.name, **which)["SecretString"])

    def move(self, label: str, **versions: str) -> None:
        self.api.update_secret_version_stage(SecretId=self.name, VersionStage=label, **versions)

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.describe_secret(SecretId=self.name)
        return found

    def labels(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.described().get("VersionIdsToStages", {})
        return found

    def listed(self, **options: Any) -> list[str]:
        found = self.api.list_secret_version_ids(SecretId=self.arn, **options)["Versions"]
        return [version["VersionId"] for version in found]

    def rotate(self, function: str | None = ROTATE, **options: Any) -> str:
        if function is not None:
            options["RotationLambdaARN"] = arn(function)
        return str(self.api.rotate_secret(SecretId=self.name, **options)["VersionId"])

    def ended(self) -> list[str]:
        """The steps of its rotations, when none runs any more."""
        self._seen.wait(self.name, 20)
        return [step.step for step in self._seen.steps if step.secret == self.name]

    def failures(self) -> list[RotationFailure]:
        return [failure for failure in self._seen.failures if failure.secret == self.name]


@pytest.fixture
def secret(emulator: Emulator) -> Secret:
    return Secret(emulator)


def token() -> str:
    return str(uuid.uuid4())


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Code and message of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_secret_is_found_by_name_by_arn_and_by_arn_without_its_ending(secret: Secret) -> None:
    for found in (secret.name, secret.arn, secret.arn[:-7]):
        answer = secret.api.get_secret_value(SecretId=found)
        assert (answer["SecretString"], answer["VersionId"]) == ("one", secret.first)
        assert answer["VersionStages"] == ["AWSCURRENT"]
    assert secret.arn.startswith("arn:aws:secretsmanager:sa-east-1:123456789012:secret:company/")
    code, message = refusal(lambda: secret.api.describe_secret(SecretId="nothing"))
    assert code == "ResourceNotFoundException"
    assert message == "Secrets Manager can't find the specified secret."


def test_what_a_secret_does_not_have_is_absent(secret: Secret) -> None:
    described = secret.described()
    del described["ResponseMetadata"]
    assert described.keys() == {
        "ARN",
        "Name",
        "LastChangedDate",
        "VersionIdsToStages",
        "CreatedDate",
    }


def test_creating_it_again(secret: Secret) -> None:
    again = {"Name": secret.name, "ClientRequestToken": secret.first}
    same = secret.api.create_secret(SecretString="one", **again)
    assert (same["ARN"], same["VersionId"]) == (secret.arn, secret.first)
    other = refusal(lambda: secret.api.create_secret(SecretString="two", **again))
    assert other[0] == "ResourceExistsException"


def test_a_new_value_is_current_and_the_old_one_previous(secret: Secret) -> None:
    second = secret.put("two")
    assert secret.labels() == {secret.first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    third = secret.put("three")
    assert secret.labels() == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}
    assert secret.value() == "three"
    assert secret.value(VersionStage="AWSPREVIOUS") == "two"
    assert secret.value(VersionId=secret.first) == "one"
    assert secret.listed() == [second, third]
    assert secret.listed(IncludeDeprecated=True) == [secret.first, second, third]


def test_a_token_stands_for_one_value(secret: Secret) -> None:
    asked = token()
    assert secret.put("two", ClientRequestToken=asked) == asked
    secret.put("three")
    assert secret.put("two", ClientRequestToken=asked) == asked
    assert secret.value() == "three"
    code, message = refusal(lambda: secret.put("four", ClientRequestToken=asked))
    assert code == "ResourceExistsException"
    assert f"You can't use ClientRequestToken {asked}" in message


def test_a_binary_value(emulator: Emulator) -> None:
    secret = Secret(emulator, value=None)
    secret.api.put_secret_value(SecretId=secret.name, SecretBinary=b"\x00\xff")
    answer = secret.api.get_secret_value(SecretId=secret.name)
    assert answer["SecretBinary"] == b"\x00\xff"
    assert "SecretString" not in answer


def test_the_first_value_is_current_whatever_was_asked(emulator: Emulator) -> None:
    secret = Secret(emulator, value=None)
    assert "VersionIdsToStages" not in secret.described()
    code, message = refusal(secret.value)
    assert code == "ResourceNotFoundException"
    assert message.endswith("secret value for staging label: AWSCURRENT")
    version = secret.put("one", VersionStages=["AWSPENDING"])
    assert secret.labels() == {version: ["AWSCURRENT", "AWSPENDING"]}


def test_a_label_is_moved_by_who_knows_where_it_is(secret: Secret) -> None:
    second = secret.put("two")
    code, message = refusal(lambda: secret.move("AWSCURRENT", MoveToVersionId=secret.first))
    assert code == "InvalidParameterException"
    assert f"currently attached to version {second}" in message
    versions = {"MoveToVersionId": secret.first, "RemoveFromVersionId": secret.first}
    assert refusal(lambda: secret.move("AWSCURRENT", **versions))[0] == "InvalidParameterException"
    secret.move("AWSCURRENT", MoveToVersionId=secret.first, RemoveFromVersionId=second)
    assert secret.labels() == {secret.first: ["AWSCURRENT"], second: ["AWSPREVIOUS"]}


def test_a_label_is_taken_off(secret: Secret) -> None:
    version = secret.put("two", VersionStages=["AWSPENDING"])
    secret.move("AWSPENDING", RemoveFromVersionId=version)
    assert secret.labels() == {secret.first: ["AWSCURRENT"]}
    assert secret.listed(IncludeDeprecated=True) == [secret.first, version]
    code, message = refusal(lambda: secret.move("AWSCURRENT", RemoveFromVersionId=secret.first))
    assert code == "InvalidParameterException"
    assert "can't be completely removed" in message


def test_versions_are_listed_in_pages(secret: Secret) -> None:
    versions = [secret.first, secret.put("two")]
    first = secret.api.list_secret_version_ids(SecretId=secret.name, MaxResults=1)
    rest = secret.api.list_secret_version_ids(SecretId=secret.name, NextToken=first["NextToken"])
    assert [each["VersionId"] for each in first["Versions"] + rest["Versions"]] == versions
    assert "NextToken" not in rest


def test_a_rotation_is_four_steps_in_order(secret: Secret, emulator: Emulator) -> None:
    version = secret.rotate()
    assert secret.ended() == list(STEPS)
    steps = [step for step in emulator.secrets.steps if step.secret == secret.name]
    assert {step.version for step in steps} == {version}
    assert [step.moment for step in steps] == sorted(step.moment for step in steps)
    assert secret.failures() == []
    assert secret.labels() == {secret.first: ["AWSPREVIOUS"], version: ["AWSCURRENT"]}
    assert secret.value() == f"made for {version}"
    assert {"one", f"made for {version}"} <= emulator.secrets.values
    described = secret.described()
    assert described["RotationEnabled"] is True
    assert described["RotationLambdaARN"] == arn(ROTATE)
    assert described["LastRotatedDate"] == described["LastChangedDate"]
    assert "NextRotationDate" not in described
    assert "RotationRules" not in described
    again = secret.rotate(None)
    assert len(secret.ended()) == 8
    assert secret.labels() == {version: ["AWSPREVIOUS"], again: ["AWSCURRENT"]}


def test_while_a_rotation_is_under_way(secret: Secret, emulator: Emulator) -> None:
    go_on = threading.Event()

    def hold(call: Call) -> None:
        if call.operation == "Invoke":
            assert call.role is None
            go_on.wait(20)

    emulator.before_call.append(hold)
    try:
        asked = token()
        assert secret.rotate(ClientRequestToken=asked) == asked
        assert secret.labels() == {secret.first: ["AWSCURRENT"], asked: ["AWSPENDING"]}
        assert secret.listed(IncludeDeprecated=True) == [secret.first]
        code, message = refusal(lambda: secret.value(VersionId=asked))
        assert code == "ResourceNotFoundException"
        expected = f"Secrets Manager can't find the specified secret value for VersionId: {asked}"
        assert message == expected
        code, message = refusal(lambda: secret.value(VersionStage="AWSPENDING"))
        assert code == "ResourceNotFoundException"
        assert secret.rotate(ClientRequestToken=asked) == asked
        assert refusal(secret.rotate) == (
            "InvalidRequestException",
            "A previous rotation isn't complete. That rotation will be reattempted.",
        )
        with pytest.raises(TimeoutError, match="is still being rotated"):
            emulator.secrets.wait(secret.name, 0.01)
    finally:
        go_on.set()
    assert secret.ended() == list(STEPS)
    assert secret.rotate(ClientRequestToken=asked) == asked
    assert secret.ended() == list(STEPS)


def test_a_step_that_fails_is_tried_from_the_beginning(secret: Secret) -> None:
    version = secret.rotate(REFUSED, RotationRules={"AutomaticallyAfterDays": 30})
    assert secret.ended() == list(STEPS[:3]) * 3
    assert [(each.step, each.error_type) for each in secret.failures()] == [
        ("testSecret", "LoginRefused")
    ] * 3
    assert secret.labels() == {secret.first: ["AWSCURRENT"], version: ["AWSPENDING"]}
    assert secret.value(VersionId=version) == f"made for {version}"
    assert "LastRotatedDate" not in secret.described()
    assert refusal(secret.rotate)[0] == "InvalidRequestException"
    assert secret.ended() == list(STEPS[:3]) * 6
    secret.move("AWSPENDING", RemoveFromVersionId=version)
    healed = secret.rotate(ROTATE)
    assert secret.ended()[-4:] == list(STEPS)
    assert secret.labels()[healed] == ["AWSCURRENT"]


def test_a_version_that_somebody_made_pending_is_in_the_way(secret: Secret) -> None:
    version = secret.put("two", VersionStages=["AWSPENDING"])
    assert refusal(secret.rotate)[0] == "InvalidRequestException"
    assert secret.ended() == []
    assert secret.labels() == {secret.first: ["AWSCURRENT"], version: ["AWSPENDING"]}


def test_a_process_that_is_killed_is_tried_again(
    secret: Secret, emulator: Emulator, functions: Functions
) -> None:
    def kill_once(call: Call) -> None:
        if call.operation == "PutSecretValue" and call.session is not None:
            emulator.after_call.clear()
            functions.kill(call.session)

    emulator.after_call.append(kill_once)
    version = secret.rotate()
    assert secret.ended() == ["createSecret", *STEPS]
    assert secret.failures() == [
        RotationFailure(secret=secret.name, step="createSecret", error_type="Runtime.ExitError")
    ]
    assert secret.labels()[version] == ["AWSCURRENT"]


def test_an_invocation_that_a_hook_refuses_is_a_failed_step(
    secret: Secret, emulator: Emulator
) -> None:
    def refuse(call: Call) -> Refusal | None:
        if call.operation == "Invoke":
            return Refusal("TooManyRequestsException", "Rate Exceeded.", 429)
        return None

    emulator.before_call.append(refuse)
    version = secret.rotate()
    assert secret.ended() == ["createSecret"] * 3
    assert {each.error_type for each in secret.failures()} == {"TooManyRequestsException"}
    assert secret.labels()[version] == ["AWSPENDING"]
    assert secret.listed() == [secret.first]


def test_a_rotation_that_is_cancelled_is_not_tried_again(
    secret: Secret, emulator: Emulator
) -> None:
    def cancel(call: Call) -> Refusal | None:
        if call.operation == "Invoke":
            secret.api.cancel_rotate_secret(SecretId=secret.name)
            return Refusal("TooManyRequestsException", "Rate Exceeded.", 429)
        return None

    emulator.before_call.append(cancel)
    version = secret.rotate()
    assert secret.ended() == ["createSecret"]
    described = secret.described()
    assert described["RotationEnabled"] is False
    assert described["VersionIdsToStages"][version] == ["AWSPENDING"]


def test_what_cannot_rotate(secret: Secret, emulator: Emulator) -> None:
    assert refusal(lambda: secret.rotate(None)) == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    assert refusal(lambda: secret.rotate("nobody"))[0] == "ResourceNotFoundException"
    code, message = refusal(lambda: secret.rotate(FORBIDDEN))
    assert code == "AccessDeniedException"
    assert message.startswith("Secrets Manager cannot invoke the specified Lambda function. ")
    assert "RotationEnabled" not in secret.described()
    emulator.secrets.own(secret.name, "rds")
    assert secret.described()["OwningService"] == "rds"
    assert refusal(secret.rotate)[0] == "InvalidRequestException"
    assert secret.labels() == {secret.first: ["AWSCURRENT"]}


def test_a_rotation_that_is_only_tested(secret: Secret) -> None:
    version = secret.rotate(RotateImmediately=False)
    assert secret.ended() == ["testSecret"]
    assert secret.failures() == []
    assert secret.labels() == {secret.first: ["AWSCURRENT"]}
    assert secret.listed(IncludeDeprecated=True) == [secret.first]
    assert version != secret.first
    assert secret.described()["RotationEnabled"] is True


def test_the_schedule_moves_on_when_the_value_changes(secret: Secret, emulator: Emulator) -> None:
    secret.rotate(RotationRules={"ScheduleExpression": "rate(30 days)", "Duration": "3h"})
    secret.ended()
    described = secret.described()
    assert described["RotationRules"] == {
        "AutomaticallyAfterDays": 30,
        "ScheduleExpression": "rate(30 days)",
        "Duration": "3h",
    }
    due = described["NextRotationDate"]
    assert timedelta(days=29) < due - datetime.now(UTC) < timedelta(days=31)
    missed = datetime(2026, 1, 2, 3, tzinfo=UTC)
    emulator.secrets.set_next_rotation(secret.name, missed)
    assert secret.described()["NextRotationDate"] == missed
    secret.put("by hand")
    assert secret.described()["NextRotationDate"] > missed


def test_a_version_can_be_made_old(secret: Secret, emulator: Emulator) -> None:
    long_ago = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    emulator.secrets.set_created(secret.arn, secret.first, long_ago)
    (version,) = secret.api.list_secret_version_ids(SecretId=secret.name)["Versions"]
    assert version["CreatedDate"] == long_ago
    with pytest.raises(LookupError, match="there is no secret 'nothing'"):
        emulator.secrets.set_next_rotation("nothing", None)


def test_a_secret_is_deleted(secret: Secret, emulator: Emulator) -> None:
    listing = {"Filters": [{"Key": "name", "Values": [secret.name]}]}
    assert [each["ARN"] for each in secret.api.list_secrets(**listing)["SecretList"]] == [
        secret.arn
    ]
    secret.api.delete_secret(SecretId=secret.name, RecoveryWindowInDays=7)
    assert refusal(secret.value)[0] == "InvalidRequestException"
    assert secret.described()["DeletedDate"] > datetime.now(UTC) + timedelta(days=6)
    assert secret.api.list_secrets(**listing)["SecretList"] == []
    secret.api.restore_secret(SecretId=secret.name)
    assert secret.value() == "one"
    for _ in range(2):
        secret.api.delete_secret(SecretId=secret.name, ForceDeleteWithoutRecovery=True)
    assert refusal(secret.described)[0] == "ResourceNotFoundException"
    assert emulator.secrets.facts(secret.name) is None


def test_a_key_of_the_customer_and_tags_are_shown(emulator: Emulator) -> None:
    api = emulator.client("secretsmanager")
    name = f"company/{uuid.uuid4().hex[:8]}"
    tags = [{"Key": "stage", "Value": "prod"}]
    api.create_secret(Name=name, KmsKeyId="k", Tags=tags, Description="a login", SecretString="x")
    described = api.describe_secret(SecretId=name)
    assert (described["KmsKeyId"], described["Tags"]) == ("k", tags)
    api.tag_resource(SecretId=name, Tags=[{"Key": "more", "Value": "1"}])
    api.untag_resource(SecretId=name, TagKeys=["stage"])
    api.update_secret(SecretId=name, KmsKeyId="alias/aws/secretsmanager")
    facts = emulator.secrets.facts(name)
    assert facts is not None
    assert (facts.key, facts.tags) == (None, {"more": "1"})


def test_what_the_lab_cannot_do_is_said(secret: Secret) -> None:
    code, message = refusal(lambda: secret.api.get_resource_policy(SecretId=secret.name))
    assert code == "NotImplemented"
    assert "GetResourcePolicy" in message


def test_the_lambda_api_knows_the_functions(emulator: Emulator) -> None:
    api = emulator.client("lambda")
    for function in (ROTATE, arn(ROTATE)):
        found = api.get_function_configuration(FunctionName=function)
        assert (found["FunctionArn"], found["Role"]) == (arn(ROTATE), ROLE)
        assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")
        assert found["VpcConfig"] == {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert "VpcConfig" not in api.get_function_configuration(FunctionName=REFUSED)
    (statement,) = json.loads(api.get_policy(FunctionName=ROTATE)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": PRINCIPAL}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": "123456789012"}}
    for call in (api.get_function_configuration, api.get_policy):
        with pytest.raises(api.exceptions.ResourceNotFoundException) as caught:
            call(FunctionName="nobody")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_the_policy_of_a_function_that_has_none(emulator: Emulator) -> None:
    emulator.describe_function = lambda name: {"FunctionName": name}
    api = emulator.client("lambda")
    with pytest.raises(api.exceptions.ResourceNotFoundException, match="does not exist"):
        api.get_policy(FunctionName="alone")


def test_the_clock_that_aws_shows_can_be_wrong(secret: Secret, emulator: Emulator) -> None:
    def shown(service: str, operation: str) -> datetime:
        answer = getattr(emulator.client(service), operation)()
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    calls = (("secretsmanager", "list_secrets"), ("sts", "get_caller_identity"))
    emulator.clock_skew = timedelta(hours=-2)
    try:
        for call in calls:
            assert shown(*call) < datetime.now(UTC) - timedelta(hours=1)
    finally:
        emulator.clock_skew = timedelta(0)
    for call in calls:
        assert shown(*call) > datetime.now(UTC) - timedelta(hours=1)
    assert secret.value() == "one"


def test_a_rotation_does_not_outlive_its_emulator() -> None:
    manager = SecretsManager(
        invoke=lambda _function, _payload: Invocation(b'{"errorType": "Broken"}', error=True),
        function=lambda _: {},
        admits=lambda *_: True,
    )
    assert manager.retry_seconds == 60.0
    manager.answer("CreateSecret", {"Name": "a", "SecretString": "x"})
    manager.answer("RotateSecret", {"SecretId": "a", "RotationLambdaARN": "f"})
    assert manager.rotating("a")
    manager.stop()
    assert not manager.rotating("a")
    assert [step.step for step in manager.steps] in (["createSecret"], [])
    assert manager.values == {"x"}
    manager.stop()
