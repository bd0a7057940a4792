"""The front of the emulator: who called what, with which parameters, and who may refuse it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from lab.emulator import Call, Denied, Emulator, EmulatorError, Invocation, Refusal
from lab.iam import UndescribedCall

ROLE = "arn:aws:iam::123456789012:role/drill-aurora-exercise"


@pytest.fixture(autouse=True)
def clean(emulator: Emulator) -> Iterator[None]:
    emulator.calls.clear()
    yield
    emulator.before_call.clear()
    emulator.after_call.clear()


def as_role(emulator: Emulator, service: str) -> Any:
    return emulator.client(service, role_arn=ROLE, session="drill-aurora-exercise")


def only_call(emulator: Emulator) -> Call:
    (call,) = emulator.calls
    return call


def test_who_called(emulator: Emulator) -> None:
    as_role(emulator, "rds").describe_db_clusters()
    call = only_call(emulator)
    assert (call.role, call.session) == (ROLE, "drill-aurora-exercise")
    assert (call.service, call.operation, call.status) == ("rds", "DescribeDBClusters", 200)


def test_nobody_in_particular_is_not_kept_but_shown_to_hooks(emulator: Emulator) -> None:
    seen: list[Call] = []
    emulator.after_call.append(seen.append)
    emulator.client("rds").describe_db_clusters()
    assert emulator.calls == []
    assert (seen[0].role, seen[0].operation) == (None, "DescribeDBClusters")


def test_the_caller_is_known_to_sts(emulator: Emulator) -> None:
    identity = as_role(emulator, "sts").get_caller_identity()
    assert identity["Arn"] == (
        "arn:aws:sts::123456789012:assumed-role/drill-aurora-exercise/drill-aurora-exercise"
    )


def test_parameters_of_the_query_protocol(emulator: Emulator) -> None:
    rds = as_role(emulator, "rds")
    with pytest.raises(ClientError):
        rds.restore_db_cluster_to_point_in_time(
            DBClusterIdentifier="drill-x",
            SourceDBClusterIdentifier="prod",
            RestoreToTime="2026-11-23T05:00:00Z",
            Tags=[{"Key": "backup-drills:managed", "Value": "true"}],
            VpcSecurityGroupIds=["sg-1", "sg-2"],
        )
    call = only_call(emulator)
    assert call.status == 404
    assert call.parameters["DBClusterIdentifier"] == "drill-x"
    assert call.parameters["Tags"] == [{"Key": "backup-drills:managed", "Value": "true"}]
    assert call.parameters["VpcSecurityGroupIds"] == ["sg-1", "sg-2"]


def test_parameters_of_the_json_protocol(emulator: Emulator) -> None:
    with pytest.raises(ClientError):
        as_role(emulator, "dynamodb").get_item(
            TableName="ledger", Key={"drill": {"S": "d"}, "item": {"S": "claim"}}
        )
    assert only_call(emulator).parameters == {
        "TableName": "ledger",
        "Key": {"drill": {"S": "d"}, "item": {"S": "claim"}},
    }


def test_parameters_of_states(emulator: Emulator) -> None:
    arn = "arn:aws:states:sa-east-1:123456789012:execution:drill-x:1"
    with pytest.raises(ClientError):
        as_role(emulator, "stepfunctions").describe_execution(executionArn=arn)
    call = only_call(emulator)
    assert (call.service, call.operation) == ("stepfunctions", "DescribeExecution")
    assert call.parameters == {"executionArn": arn}


def test_parameters_of_s3_without_the_body(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(
        Bucket="calls", CreateBucketConfiguration={"LocationConstraint": "sa-east-1"}
    )
    s3 = as_role(emulator, "s3")
    s3.put_object(Bucket="calls", Key="a/b c.json", Body=b"{}", ContentType="application/json")
    s3.list_objects_v2(Bucket="calls", Prefix="a/")
    body = s3.get_object(Bucket="calls", Key="a/b c.json")["Body"].read()
    put, listed, got = emulator.calls
    assert put.operation == "PutObject"
    assert (put.parameters["Bucket"], put.parameters["Key"]) == ("calls", "a/b c.json")
    assert put.parameters["ContentType"] == "application/json"
    assert "Body" not in put.parameters
    assert (listed.operation, listed.parameters["Prefix"]) == ("ListObjectsV2", "a/")
    assert (got.operation, body) == ("GetObject", b"{}")


def test_a_big_object_arrives_whole(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(
        Bucket="big", CreateBucketConfiguration={"LocationConstraint": "sa-east-1"}
    )
    body = bytes(range(256)) * 4096 * 8
    s3 = as_role(emulator, "s3")
    s3.put_object(Bucket="big", Key="k", Body=body)
    assert s3.get_object(Bucket="big", Key="k")["Body"].read() == body
    assert s3.head_object(Bucket="big", Key="k")["ContentLength"] == len(body)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("rds", "delete_db_cluster", {"DBClusterIdentifier": "prod"}, "AccessDenied"),
        ("s3", "delete_object", {"Bucket": "b", "Key": "k"}, "AccessDenied"),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:::t", "Message": "m"}, "AccessDenied"),
        ("dynamodb", "describe_table", {"TableName": "t"}, "AccessDeniedException"),
        ("kms", "list_keys", {}, "AccessDeniedException"),
        ("scheduler", "list_schedules", {}, "AccessDeniedException"),
        ("cloudwatch", "list_metrics", {}, "AccessDeniedException"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException"),
    ],
)
def test_a_hook_denies(
    emulator: Emulator, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    client = as_role(emulator, service)
    emulator.before_call.append(lambda call: Denied(f"{call.service}:{call.operation}", "prod"))
    with pytest.raises(ClientError) as denied:
        getattr(client, operation)(**parameters)
    assert denied.value.response["Error"]["Code"] == code
    assert "prod" in denied.value.response["Error"]["Message"]
    assert only_call(emulator).status == 403


def test_a_denied_call_has_no_effect(emulator: Emulator) -> None:
    client = as_role(emulator, "sqs")
    emulator.before_call.append(lambda _: Denied("sqs:CreateQueue", "*"))
    with pytest.raises(ClientError):
        client.create_queue(QueueName="never")
    emulator.before_call.clear()
    assert "QueueUrls" not in emulator.client("sqs").list_queues(QueueNamePrefix="never")


def test_a_hook_that_fails_itself_is_heard_of(emulator: Emulator) -> None:
    def confused(call: Call) -> None:
        raise UndescribedCall(f"what is {call.operation}?")

    emulator.before_call.append(confused)
    with pytest.raises(ClientError, match=r"a hook of the lab .*what is Describe"):
        emulator.client("rds").describe_db_clusters()


def test_a_hook_makes_aws_slow_down(emulator: Emulator) -> None:
    left = [Refusal("Throttling", "Rate exceeded")]
    emulator.before_call.append(lambda _: left.pop() if left else None)
    rds = emulator.client("rds")
    with pytest.raises(ClientError, match="Throttling"):
        rds.describe_db_clusters()
    assert rds.describe_db_clusters()["DBClusters"] == []


def test_after_call_comes_between_effect_and_answer(emulator: Emulator) -> None:
    order: list[str] = []
    sqs = emulator.client("sqs")

    def look(call: Call) -> None:
        if call.operation == "CreateQueue":
            order.append("hook")
            order.extend(sqs.list_queues(QueueNamePrefix="between").get("QueueUrls", []))

    emulator.after_call.append(look)
    emulator.client("sqs").create_queue(QueueName="between")
    order.append("answer")
    assert [step.split("/")[-1] for step in order] == ["hook", "between", "answer"]


def test_the_lambda_api_invokes(emulator: Emulator) -> None:
    seen: list[tuple[str, bytes]] = []

    def invoke(name: str, payload: bytes) -> Invocation:
        seen.append((name, payload))
        return Invocation(b'{"errorType": "X"}', error=True)

    before, emulator.invoke = emulator.invoke, invoke
    arn = "arn:aws:lambda:sa-east-1:123456789012:function:drill-sweeper"
    answer = emulator.client("lambda").invoke(FunctionName=arn, Payload=b'{"a": 1}')
    emulator.invoke = before
    assert seen == [("drill-sweeper", b'{"a": 1}')]
    assert (answer["FunctionError"], answer["Payload"].read()) == (
        "Unhandled",
        b'{"errorType": "X"}',
    )


def test_the_lambda_api_knows_what_is_not_there(emulator: Emulator) -> None:
    before, emulator.invoke = emulator.invoke, Emulator(folder=emulator.folder).invoke
    client = emulator.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="nobody"):
        client.invoke(FunctionName="nobody", Payload=b"{}")
    emulator.invoke = before


def test_a_connection_is_kept(emulator: Emulator) -> None:
    place = urlsplit(emulator.endpoint)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=k/20261123/sa-east-1/s3/aws4_request"}
    connection.connect()
    used = connection.sock
    assert used is not None
    for method, status in (("HEAD", 404), ("GET", 404), ("PUT", 404), ("GET", 404)):
        connection.request(method, "/no-such-bucket/key", body=b"x" * 99, headers=signed)
        with connection.getresponse() as answer:
            assert (answer.status, bool(answer.read())) == (status, method != "HEAD")
        assert connection.sock is used
    # What is not signed may not have been read to its end.
    connection.request("GET", "/moto-api/data.json")
    with connection.getresponse() as answer:
        assert answer.getheader("Connection") == "close"
    connection.close()


def test_what_moto_cannot_do_is_said(emulator: Emulator) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.client("rds").describe_db_cluster_automated_backups()
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "rds:DescribeDBClusterAutomatedBackups" in refused.value.response["Error"]["Message"]
    # By its own name in the log: whoever reads it knows that it is moto that lacks the operation.
    assert "NotImplementedError" in (emulator.folder / "emulator.log").read_text()


def test_a_request_that_is_not_signed_is_answered_too(emulator: Emulator) -> None:
    with urllib.request.urlopen(f"{emulator.endpoint}/moto-api/data.json") as answer:  # noqa: S310
        assert answer.status == 200


def test_the_users_own_aws_configuration_has_no_part(folder: Path) -> None:
    config = folder / "config"
    config.write_text("[profile production]\nregion = eu-west-1\n")
    environment = {
        **os.environ,
        "AWS_PROFILE": "no-such-profile",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    script = f"""
from pathlib import Path
from lab.emulator import Emulator
emulator = Emulator(folder=Path({str(folder)!r}))
emulator.start()
seen = []
emulator.after_call.append(seen.append)
print(emulator.client("sts").get_caller_identity()["Account"], seen[0].operation)
emulator.stop()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "123456789012 GetCallerIdentity\n", done.stderr
    assert done.stderr == ""


def test_a_port_that_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Emulator, "_running", None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"port {port} of 127.0.0.1"):
            Emulator(folder=folder, port=port).start()


def test_one_emulator_at_a_time(emulator: Emulator, folder: Path) -> None:
    with pytest.raises(EmulatorError, match=emulator.endpoint):
        Emulator(folder=folder).start()


def test_another_moto(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.emulator.MOTO_VERSION", "5.0.0")
    with pytest.raises(EmulatorError, match=r"moto 5\.2\.5 is installed"):
        Emulator(folder=folder).start()


def test_only_this_machine_can_reach_it(emulator: Emulator) -> None:
    assert emulator.endpoint.startswith("http://127.0.0.1:")


def test_a_call_is_quick(emulator: Emulator) -> None:
    client = emulator.client("sts")
    client.get_caller_identity()
    began = time.monotonic()
    for _ in range(10):
        client.get_caller_identity()
    assert time.monotonic() - began < 3
