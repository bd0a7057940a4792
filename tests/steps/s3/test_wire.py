"""The lean way to a bucket, against a server that says what it is told to, and against the lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.errors import TlsFailed
from functions.s3_versions.connection import LARGEST_HEAD
from functions.s3_versions.listing import Position, UnreadableListing
from functions.s3_versions.signing import Signer, UnsupportedBucket
from functions.s3_versions.wire import Bucket, BucketClosed, NoAnswer, RequestRefused
from lab.authority import Authority
from lab.emulator import Emulator
from tests.steps.s3.talker import PATHS, Say, Talker, client, error, ok, talking

TOKEN = "t/o+k="  # noqa: S105  # nobody's

# What an answer may look like.

HELLO = b"hello"


@pytest.mark.parametrize(
    "said",
    [
        ok(HELLO),
        ok(HELLO, then="close"),
        ok(HELLO, "Connection: close", then="close"),
        Say(b"HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello"),
        Say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
        ),
        Say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n"
        ),
        Say(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        Say(b"HTTP/1.1 200 OK\r\n\r\nhello", "close"),
        Say(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "close"),
        Say(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"),
    ],
)
def test_an_answer_is_read_to_its_end_and_the_next_one_begins_there(said: Say) -> None:
    with talking(said) as (_, bucket):
        for _ in range(3):
            answer = bucket.request("GetObject", "GET", "key")
            assert (answer.status, answer.body) == (200, HELLO)


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("DELETE", "204 No Content")])
def test_an_answer_without_a_body_ends_with_its_head(method: str, status: str) -> None:
    said = Say(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\nETag: x\r\n\r\n".encode())
    with talking(said) as (talker, bucket):
        for _ in range(2):
            answer = bucket.request("HeadObject", method, "key")
            assert (answer.body, answer.headers["etag"]) == (b"", "x")
        assert {heard.connection for heard in talker.heard} == {1}


def test_a_connection_is_kept_and_one_that_the_server_closed_is_made_anew() -> None:
    says = ok(HELLO), ok(HELLO), ok(HELLO, then="close"), ok(HELLO)
    with talking(*says, tries=2) as (talker, bucket):
        for _ in range(4):
            assert bucket.request("GetObject", "GET", "key").body == HELLO
        assert [heard.connection for heard in talker.heard] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    "said",
    [
        Say(b"", "close"),
        Say(b"", "reset"),
        Say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "close"),
        Say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "close"),
        Say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello", "close"),
        Say(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello", "close"),
        Say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "close"),
        Say(b"HTTP/1.1 200 OK\r\nx: " + b"y" * LARGEST_HEAD, "close"),
        error(500, "InternalError"),
        error(503, "SlowDown"),
        error(400, "RequestTimeout"),
        error(409, "ConditionalRequestConflict"),
        error(409, "OperationAborted"),
        ok(b"", status="502 Bad Gateway"),
    ],
)
def test_what_is_no_good_answer_is_asked_for_again(said: Say) -> None:
    with talking(said, ok(HELLO)) as (talker, bucket):
        answer = bucket.request("GetObject", "GET", "key")
        assert (answer.body, answer.tries) == (HELLO, 2)
        assert len(talker.heard) == 2
    with (
        talking(said, tries=2) as (talker, bucket),
        pytest.raises(NoAnswer, match="GetObject 'bucket/key'") as raised,
    ):
        bucket.request("GetObject", "GET", "key")
    assert (raised.value.operation, raised.value.key) == ("GetObject", "key")
    assert len(talker.heard) == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (error(403, "AccessDenied", "not &lt;you&gt;"), "403 AccessDenied not <you>"),
        (error(409, "BucketAlreadyExists"), "409 BucketAlreadyExists so it is"),
        (error(412, "PreconditionFailed"), "412 PreconditionFailed so it is"),
        (error(501, "NotImplemented"), "501 NotImplemented so it is"),
        (ok(b"nonsense", status="418 I am"), "418"),
    ],
)
def test_a_refusal_is_not_asked_again_and_told_in_s3s_words(said: Say, told: str) -> None:
    with (
        talking(said, ok(HELLO)) as (talker, bucket),
        pytest.raises(RequestRefused, match=f"PutObject 'bucket/a b': {told}$") as raised,
    ):
        bucket.request("PutObject", "PUT", "a b", body=b"x")
    assert raised.value.status == int(told[:3])
    assert len(talker.heard) == 1


@pytest.mark.parametrize("body", [b"", b"<Error><Code>InternalError</Code></Error>", b"  "])
@pytest.mark.parametrize("operation", ["CopyObject", "UploadPartCopy", "CompleteMultipartUpload"])
def test_an_error_within_a_200_is_an_error(operation: str, body: bytes) -> None:
    good = ok(b'<?xml version="1.0"?>\n<CopyObjectResult/>')
    with talking(ok(body), good) as (_, bucket):
        assert bucket.request(operation, "PUT", "key").tries == 2
    with talking(ok(b"<Error><Code>AccessDenied</Code></Error>"), good) as (_, bucket):
        with pytest.raises(RequestRefused, match="AccessDenied"):
            bucket.request(operation, "PUT", "key")
        assert bucket.request("GetObject", "GET", "key").tries == 1


def test_an_object_may_hold_what_looks_like_an_error() -> None:
    body = b"<Error><Code>SlowDown</Code></Error>"
    with talking(ok(body)) as (_, bucket):
        assert bucket.request("GetObject", "GET", "key").body == body


def test_a_body_is_consumed_anew_at_each_try() -> None:
    cut = Say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "close")
    with talking(error(503, "SlowDown"), cut, ok(HELLO)) as (_, bucket):
        answer = bucket.request("GetObject", "GET", "key", consume=b"".join)
        assert (answer.body, answer.tries) == (HELLO, 3)


def test_a_listing_that_turns_in_circles_is_an_error() -> None:
    page = b"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
    page += b"<NextVersionIdMarker>1</NextVersionIdMarker></ListVersionsResult>"
    with talking(ok(page)) as (_, bucket), pytest.raises(UnreadableListing, match="goes on at 'a'"):
        list(bucket.versions())


@pytest.mark.parametrize(
    ("operation", "body", "given", "sent"),
    [
        ("PutObject", b"123456789", {}, "y/Q5Jg=="),
        ("RestoreObject", b"123456789", {}, "y/Q5Jg=="),
        ("PutObject", b"", {}, None),
        ("DeleteObjects", b"123456789", {"content-md5": "x"}, None),
        ("CompleteMultipartUpload", b"123456789", {}, None),
    ],
)
def test_a_body_goes_with_its_checksum_once(
    operation: str, body: bytes, given: dict[str, str], sent: str | None
) -> None:
    with talking(ok(b"<x/>")) as (talker, bucket):
        bucket.request(operation, "POST", "key", headers=given, body=body)
    headers = talker.heard[0].headers
    assert headers.get("x-amz-checksum-crc32") == sent
    assert ("x-amz-checksum-crc32" in headers["authorization"]) is (sent is not None)


# How hard a server is asked.


def test_a_server_that_asks_to_slow_down_is_asked_less_at_once_and_more_again_later() -> None:
    with talking(error(503, "SlowDown"), ok(HELLO), connections=8) as (_, bucket):
        bucket.request("GetObject", "GET", "key")
        assert 4 <= bucket.pace.window < 5
        for _ in range(100):
            bucket.request("GetObject", "GET", "key")
        assert bucket.pace.window == 8


def test_no_more_connections_are_made_than_there_may_be() -> None:
    with talking(ok(HELLO), connections=3) as (talker, bucket), ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: bucket.request("GetObject", "GET", "key"), range(200)))
        assert {heard.connection for heard in talker.heard} <= {1, 2, 3}
        assert len(talker.heard) == 200


def test_an_answer_without_words_slows_down_too() -> None:
    with talking(ok(status="503 Slow Down"), ok(), connections=8) as (_, bucket):
        assert bucket.request("HeadObject", "HEAD", "key").tries == 2
        assert 4 <= bucket.pace.window < 5


def test_a_closed_bucket_is_not_asked() -> None:
    with talking(ok(HELLO)) as (talker, bucket):
        bucket.close()
        with pytest.raises(BucketClosed, match="bucket bucket"):
            bucket.request("GetObject", "GET", "key")
    assert not talker.heard


# Where, and as whom.


def test_the_owner_and_the_token_go_with_each_request() -> None:
    with Talker.of([ok()]) as talker:
        at = client(f"http://127.0.0.1:{talker.port}", aws_session_token=TOKEN)
        with Bucket("bucket", client=at, owner="123456789012") as bucket:
            bucket.request("HeadObject", "HEAD", "a b/é")
    [heard] = talker.heard
    assert heard.line == "HEAD /bucket/a%20b/%C3%A9 HTTP/1.1"
    assert heard.headers["x-amz-security-token"] == TOKEN
    assert heard.headers["x-amz-expected-bucket-owner"] == "123456789012"
    assert "x-amz-expected-bucket-owner" in heard.headers["authorization"]


@pytest.mark.parametrize(
    ("endpoint", "style", "bucket", "authority", "path"),
    [
        (None, "virtual", "bucket", "bucket.s3.eu-central-1.amazonaws.com", ""),
        (None, "path", "bucket", "s3.eu-central-1.amazonaws.com", "/bucket"),
        (None, "auto", "dotted.bucket", "s3.eu-central-1.amazonaws.com", "/dotted.bucket"),
        ("http://127.0.0.1:9", "auto", "bucket", "127.0.0.1:9", "/bucket"),
        ("http://127.0.0.1:9/s3/", "path", "bucket", "127.0.0.1:9", "/s3/bucket"),
        ("https://s3.example.com", "virtual", "bucket", "bucket.s3.example.com", ""),
    ],
)
def test_a_bucket_is_where_botocore_says(
    endpoint: str | None, style: str, bucket: str, authority: str, path: str
) -> None:
    place = Signer(client(endpoint, Config(s3={"addressing_style": style})), bucket).place
    assert (place.authority, place.path, place.region) == (authority, path, "eu-central-1")
    assert place.secure is not (endpoint or "https").startswith("http:")


def test_the_endpoint_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert Signer(client(), "bucket").place.authority == "127.0.0.1:9"


def test_a_bucket_in_another_region_is_found_there() -> None:
    moved = "x-amz-bucket-region: eu-west-1"
    says = [
        ok(status="301 Moved Permanently"),
        ok(b"", moved, status="301 Moved Permanently"),
        ok(),
        ok(HELLO),
    ]
    with talking(*says) as (talker, bucket):
        assert bucket.request("GetObject", "GET", "key").body == HELLO
    regions = [heard.headers["authorization"].split("/")[2] for heard in talker.heard]
    assert (regions[0], regions[-1]) == ("eu-central-1", "eu-west-1")


def test_who_has_no_credentials_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    nobody = Session().create_client("s3", region_name="eu-central-1", config=PATHS)
    with pytest.raises(NoCredentialsError):
        Bucket("bucket", client=nobody).request("HeadObject", "HEAD", "key")


def test_who_signs_nothing_is_refused() -> None:
    with pytest.raises(UnsupportedBucket, match="bucket bucket: "):
        Signer(client(config=Config(signature_version=UNSIGNED)), "bucket")


def test_a_directory_bucket_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedBucket, match=r"b--euc1-az1--x-s3: .* expected s3v4 for s3"):
        Signer(client(), "b--euc1-az1--x-s3")


def test_credentials_that_expire_are_renewed_by_botocore() -> None:
    numbers = iter(range(100))

    def renewed() -> dict[str, str]:
        return {
            "access_key": f"key-{next(numbers)}",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": "2000-01-01T00:00:00Z",
        }

    with talking(ok()) as (talker, bucket):
        credentials = RefreshableCredentials.create_from_metadata(
            {**renewed(), "expiry_time": "2999-01-01T00:00:00Z"}, renewed, "test"
        )
        bucket._signer._signer._credentials = credentials
        bucket.request("HeadObject", "HEAD", "key")
        assert "Credential=key-0/" in talker.heard[-1].headers["authorization"]


def test_a_certificate_is_checked_as_the_client_would(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    with Talker.of([ok(HELLO)], tls=ours.context) as talker:
        endpoint = f"https://localhost:{talker.port}"
        with Bucket("b", client=client(endpoint, verify=str(ours.certificate))) as bucket:
            assert bucket.request("GetObject", "GET", "key").body == HELLO
        with (
            Bucket("b", client=client(endpoint, verify=str(other.certificate))) as bucket,
            pytest.raises(TlsFailed, match="certificate verify failed"),
        ):
            bucket.request("GetObject", "GET", "key")
        with Bucket("b", client=client(endpoint, verify=False)) as bucket:
            assert bucket.request("GetObject", "GET", "key").body == HELLO


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


@given(
    key=texts,
    query=st.dictionaries(st.sampled_from(["versionId", "tagging", "uploads"]), texts),
    value=st.text(" ab\t=?", max_size=9),
)
@settings(max_examples=150, deadline=None)
def test_a_signature_is_that_of_botocore(key: str, query: dict[str, str], value: str) -> None:
    signer = Signer(CLIENT, "bucket")
    headers = {"x-amz-meta-a": value, "if-match": '"x"'}
    head = signer.sign("PUT", key, query=query, headers=headers).decode("latin-1")
    line, *lines = head.rstrip("\r\n").split("\r\n")
    told = dict(one.split(": ", 1) for one in lines)
    target = line.split(" ")[1]
    theirs = S3SigV4Auth(Credentials("AKIA", "secret", TOKEN), "s3", "eu-central-1")
    names = ("x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
    request = AWSRequest(
        method="PUT",
        url=f"https://{told['host']}{target}",
        headers=headers | {name: told[name] for name in names},
    )
    request.context["timestamp"] = told["x-amz-date"]
    text = theirs.string_to_sign(request, theirs.canonical_request(request))
    assert told["authorization"].endswith(f"Signature={theirs.signature(text, request)}")


CLIENT = client(aws_session_token=TOKEN)

# Against the lab.


@pytest.fixture
def lab_bucket(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Bucket]:
    with Bucket(new_bucket(), client=s3.client("s3"), pause_seconds=0.001) as bucket:
        yield bucket


AWKWARD = ["a b", "a+b", "a%2Bb", "a\nb", "a/../b", "é", "x" * 1000, "~", "z?versionId=1&x=#"]


def test_every_page_size_gives_the_same_entries(lab_bucket: Bucket) -> None:
    for key in AWKWARD:
        for body in (b"1", b"2"):
            lab_bucket.request("PutObject", "PUT", key, body=body)
        lab_bucket.request("DeleteObject", "DELETE", key)
    [whole] = lab_bucket.versions()
    assert [entry.key for entry in whole.entries] == sorted(AWKWARD * 3)
    assert [entry.marker for entry in whole.entries] == [True, False, False] * len(AWKWARD)
    for size in (1, 2, 7):
        pages = list(lab_bucket.versions(page_size=size))
        assert [entry for page in pages for entry in page.entries] == whole.entries
    for key in AWKWARD:
        assert (
            lab_bucket.request(
                "GetObjectTagging",
                "GET",
                key,
                query={
                    "tagging": "",
                    "versionId": whole.entries[1 + 3 * sorted(AWKWARD).index(key)].version_id,
                },
            ).status
            == 200
        )


def test_key_ranges_make_up_the_whole(lab_bucket: Bucket) -> None:
    for key in "abcdef":
        for _ in range(3):
            lab_bucket.request("PutObject", "PUT", key, body=b"x")
    [whole] = lab_bucket.versions()

    def ranged(after: str, until: str | None) -> list[Any]:
        pages = lab_bucket.versions(
            after=Position(after) if after else None, until=until, page_size=2
        )
        return [entry for page in pages for entry in page.entries]

    assert ranged("", "b") + ranged("b", "dd") + ranged("dd", None) == whole.entries
    assert ranged("c", "c") == []


def test_a_listing_that_is_not_read_to_its_end_leaves_nothing_behind(lab_bucket: Bucket) -> None:
    for key in "abc":
        lab_bucket.request("PutObject", "PUT", key, body=b"x")
    pages = lab_bucket.versions(page_size=1)
    assert [entry.key for entry in next(pages).entries] == ["a"]
    pages.close()  # type: ignore[attr-defined]
