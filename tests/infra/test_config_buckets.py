"""drills.yaml: the drills of buckets, and the buckets that can be restored whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.contradictions import MOST_RESTORES, MOST_S3_DRILLS
from infra.schema import S3VersionsDrill
from tests.infra.samples import configuration, content
from tests.infra.test_config import errors, says_where_what_and_why

KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f"
REHEARSAL: dict[str, Any] = {"kind": "s3_versions", "mode": "rehearsal"}
IN_BUCKET: dict[str, Any] = {
    "kind": "s3_versions",
    "canary": {"in": "bucket", "prefix": "_drill/"},
}


def drill(**changed: Any) -> S3VersionsDrill:
    (only,) = configuration({"kind": "s3_versions", **changed}).s3_versions
    return only


def line_of(*drills: dict[str, Any], **others: Any) -> str:
    """The one error of a configuration."""
    (line,) = errors(json.dumps(content(*drills, **others)))
    return line


def test_a_canary_is_the_document_that_the_line_carries() -> None:
    assert drill().document(own_bucket="sibling-1") == {
        "name": "files",
        "kind": "s3_versions",
        "bucket": "company-files",
        "mode": "canary",
        "canary": {"in": "sibling", "bucket": "sibling-1", "prefix": "", "accept": []},
        "scratch": None,
        "prefix": "",
        "at": "latest",
        "sample": 50,
        "objects_maximum": 100_000,
        "encryption": {"type": "s3", "kms_key": ""},
        "require_public_access_block": True,
        "noncurrent_days_minimum": 30,
        "replication": "if_replicated",
        "objectives": {"rpo_seconds": 0, "rto_seconds": 3600, "object_seconds": 60},
        "deadlines": {"verify_seconds": 7200, "teardown_seconds": 1800},
        "timing": {"poll_seconds": 10},
        "severity": "medium",
    }


def test_a_canary_in_the_real_bucket_writes_below_its_prefix() -> None:
    accepted = {"in": "bucket", "prefix": "a/_drill/", "accept": ["public", "notification"]}
    made = drill(canary=accepted)
    assert made.writes_to_source
    assert made.document(own_bucket="")["canary"] == {**accepted, "bucket": "company-files"}


def test_a_rehearsal_has_a_scratch_bucket_and_no_canary() -> None:
    encryption = {"type": "kms", "kms_key": KEY}
    changed = {"mode": "rehearsal", "prefix": "invoices/", "sample": 7, "objects_maximum": 9}
    document = drill(**changed, encryption=encryption).document(own_bucket="scratch-1")
    assert document["canary"] is None
    assert document["scratch"] == {"bucket": "scratch-1"}
    assert document["encryption"] == encryption
    assert {key: document[key] for key in changed} == changed


@pytest.mark.parametrize(
    ("path", "value", "found", "expected"),
    [
        ("bucket", "Files", "Files", "the name of the bucket to drill"),
        ("bucket", "ab", "ab", "3 to 63 lower-case letters"),
        ("bucket", "a..b", "a..b", "a bucket's name as S3 allows it"),
        ("bucket", "10.0.0.1", "10.0.0.1", "a bucket's name as S3 allows it"),
        ("bucket", "b-1--x-s3", "b-1--x-s3", "a bucket's name as S3 allows it"),
        ("bucket", "arn:aws:s3:::b", "arn:aws:s3:::b", "the name of the bucket"),
        ("mode", "live", "live", "canary (objects of the drill's own) or rehearsal"),
        ("canary.in", "real", "real", "sibling (a bucket that the stack makes) or bucket"),
        ("canary.prefix", "_drill", "_drill", "each with its /, such as _drill/"),
        ("canary.prefix", "/", "/", "each with its /, such as _drill/"),
        ("canary.prefix", "../a/", "../a/", "folders of letters, digits, dots"),
        ("canary.prefix", "a*/", "a*/", "folders of letters, digits, dots"),
        ("canary.accept", ["all"], "all", "public, replication, notification, default_retention"),
        ("prefix", "a*", "a*", "without * ? and $"),
        ("prefix", "\u0142/", "\u0142/", "Latin-1 without"),
        ("sample", 0, "0", "from 1 to 10000"),
        ("objects_maximum", 2_000_000, "2000000", "from 1 to 1000000"),
        ("encryption.type", "none", "none", "s3 (keys of S3), kms (one key of KMS) or any"),
        ("encryption.kms_key", "alias/a", "alias/a", "the ARN of the key"),
        ("require_public_access_block", "yes", "yes", "true or false"),
        ("noncurrent_days_minimum", 0, "0", "from 1 to 3650"),
        ("replication", "yes", "yes", "ignored, if_replicated"),
        ("objectives.object", "0s", "0s", "a duration from 1s to 1d"),
        ("objectives.bucket", "31d", "31d", "a duration from 1s to 30d"),
        ("deadlines.verify", "1m", "1m", "a duration from 5m to 24h"),
        ("deadlines.teardown", 9, "9", "a duration from 1m to 24h"),
        ("timing.poll", "1s", "1s", "a duration from 10s to 10m"),
        ("severity", "severe", "severe", "critical, high, medium or low"),
    ],
)
def test_a_wrong_value_is_told(path: str, value: Any, found: str, expected: str) -> None:
    key, _, inner = path.partition(".")
    sample = {"kind": "s3_versions", key: {inner: value} if inner else value}
    lines = errors(json.dumps(content(sample)))
    says_where_what_and_why(lines, f"drills.0.{path}", found, expected)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mode": "rehearsal", "canary": {}}, "canary: given: expected no canary where mode is"),
        ({"prefix": "a/"}, "prefix: a/: expected no prefix where mode is canary"),
        ({"sample": 5}, "sample: 5: expected no sample where mode is canary"),
        ({"at": "oldest"}, "at: oldest: expected no at where mode is canary"),
        ({"objects_maximum": 5}, "objects_maximum: 5: expected no objects_maximum where mode is"),
        ({"canary": {"prefix": "a/"}}, "canary.prefix: a/: expected no prefix where canary.in is"),
        ({"canary": {"accept": []}}, "canary.accept: []: expected no accept where canary.in is"),
        (
            {"canary": {"in": "bucket"}},
            "canary.prefix: missing: expected folders for the drill alone, such as _drill/, where",
        ),
        (
            {"canary": {"in": "bucket", "prefix": ""}},
            "canary.prefix: missing: expected folders for the drill alone",
        ),
        (
            {"canary": {"in": "bucket", "prefix": "a/", "accept": ["public", "public"]}},
            "canary.accept[1]: public: expected a word that is not in the list yet",
        ),
        (
            {"encryption": {"type": "kms"}},
            "encryption.kms_key: missing: expected the ARN of the key where type is kms",
        ),
        (
            {"encryption": {"kms_key": KEY}},
            f"encryption.kms_key: {KEY}: expected no key where type is s3",
        ),
    ],
)
def test_values_that_do_not_go_together_are_told(changed: dict[str, Any], told: str) -> None:
    assert f": drills[0].{told}" in line_of({"kind": "s3_versions", **changed})


@pytest.mark.parametrize("prefix", ["_drill/", "_drill/again/"])
def test_two_drills_write_beside_each_other(prefix: str) -> None:
    other = {**IN_BUCKET, "name": "other", "canary": {"in": "bucket", "prefix": prefix}}
    line = line_of(IN_BUCKET, other)
    assert f"drills[1].canary.prefix: {prefix}: expected a prefix beside _drill/, which" in line
    assert configuration(IN_BUCKET, {**other, "bucket": "company-other"})
    assert configuration(IN_BUCKET, {**other, "canary": {"in": "bucket", "prefix": "_other/"}})
    assert configuration(IN_BUCKET, {**other, "canary": {"in": "sibling"}})
    assert configuration(IN_BUCKET, {**REHEARSAL, "name": "other"})


def test_the_boundary_holds_only_so_many_drills_of_buckets() -> None:
    many = [
        {"kind": "s3_versions", "name": f"d{number}", "bucket": f"files-{number}"}
        for number in range(MOST_S3_DRILLS + 1)
    ]
    line = line_of(*many)
    assert f"{MOST_S3_DRILLS + 1} drills of buckets: expected at most {MOST_S3_DRILLS} in" in line
    assert len(configuration(*many[:-1]).s3_versions) == MOST_S3_DRILLS


def test_a_bucket_is_restored_into_another_or_where_it_is_said_in_place() -> None:
    there, here = configuration(
        restore_buckets=[
            {"bucket": "files-a", "to": "files-b", "kms_key": KEY},
            {"bucket": "files-c", "in_place": True},
        ]
    ).restore_buckets
    assert (there.bucket, there.target, there.kms_key) == ("files-a", "files-b", KEY)
    assert (here.bucket, here.target, here.kms_key) == ("files-c", "files-c", None)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"bucket": "A"}, "bucket: A: expected the name of the bucket whose versions are read"),
        ({"bucket": "abc", "to": "A"}, "to: A: expected the name of the bucket that its state is"),
        ({"bucket": "abc", "in_place": "a"}, "in_place: a: expected true where the bucket itself"),
        ({"bucket": "abc", "in_place": True, "undelete": 1}, "undelete: 1: expected true where"),
        (
            {"bucket": "abc", "to": "abd", "undelete": True},
            "undelete: true: expected false where the bucket is restored into another",
        ),
        ({"bucket": "abc", "to": "abd", "kms_key": "k"}, "kms_key: k: expected the ARN of the key"),
        ({"bucket": "abc"}, "to: missing: expected the bucket to restore into, or in_place: true"),
        ({"bucket": "abc", "to": "abc"}, "to: abc: expected another bucket; or in_place: true"),
        (
            {"bucket": "abc", "to": "abd", "in_place": True},
            "to: abd: expected no other bucket where in_place is true",
        ),
        (
            {"bucket": "abc", "to": "company-files"},
            "to: company-files: expected a bucket that is neither drilled nor restored itself",
        ),
    ],
)
def test_what_is_wrong_with_a_restore_is_told(entry: dict[str, Any], told: str) -> None:
    line = line_of({"kind": "s3_versions"}, restore_buckets=[entry])
    assert f": restore_buckets[0].{told}" in line


def test_no_two_restores_share_a_bucket() -> None:
    one = {"bucket": "files-a", "to": "files-b"}
    line = line_of(restore_buckets=[one, {"bucket": "files-a", "to": "files-c"}])
    assert "restore_buckets[1].bucket: files-a: expected a bucket that is not in the list" in line
    line = line_of(restore_buckets=[one, {"bucket": "files-c", "to": "files-b"}])
    assert "restore_buckets[1].to: files-b: expected a bucket that no other is restored" in line
    line = line_of(restore_buckets=[one, {"bucket": "files-c", "to": "files-a"}])
    assert "restore_buckets[1].to: files-a: expected a bucket that is neither drilled" in line
    many = [{"bucket": f"files-{n}", "in_place": True} for n in range(MOST_RESTORES + 1)]
    line = line_of(restore_buckets=many)
    assert f"restore_buckets: {MOST_RESTORES + 1} buckets: expected at most" in line
