"""What the listing may not show: left as it is and named, or made a guess that says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cli.conftest import AFTER, BEFORE, Past, Terminal

OLDEST = timedelta(hours=5)


@pytest.fixture
def doubtful(bucket: Past) -> Past:
    """Three keys whose null version of the time was overwritten later, and one that is certain.

    Below it lies an older version, a marker, and nothing.
    """
    bucket.then(OLDEST)
    for key in ("older", "absent", "certain"):
        bucket.put(key, b"very old")
    bucket.delete("absent")
    bucket.version("Suspended")
    bucket.then(BEFORE)
    for key in ("older", "absent", "nothing"):
        bucket.put(key, b"right at the time")
    bucket.then(AFTER)
    for key in ("older", "absent", "nothing"):
        bucket.put(key, b"later")
    bucket.version("Enabled")
    bucket.put("certain", b"later")
    bucket.then(timedelta(0))
    return bucket


def now(bucket: Past) -> dict[str, bytes]:
    return {key: held[0] for key, held in bucket.state().items()}


def test_keys_in_doubt_are_left_as_they_are_and_named(
    doubtful: Past, terminal: Terminal, at: str
) -> None:
    before = [entry for entry in doubtful.versions() if entry[0] != "certain"]
    ran = terminal.restore(doubtful, at, "--report", "report.json")
    assert ran.status == 1
    assert [entry for entry in doubtful.versions() if entry[0] != "certain"] == before
    assert now(doubtful)["certain"] == b"very old"
    assert "all is as it was" not in ran.out.replace("not all is as it was", "")
    assert "! unrestorable      3" in ran.out
    assert "3 keys in doubt left as they are: --accept-doubts makes them what" in ran.out
    report = terminal.report()
    for key in ("older", "absent", "nothing"):
        assert ran.out.count(f"! {key}  written since while versioning was off or suspended") == 2
        assert key in {one["key"] for one in report["unrestorable"]}
    assert report["plan"]["guessed"] == 0
    assert report["verification"]["differing"]["unrestorable"] == 3
    again = terminal.restore(doubtful, at)
    assert again.status == 1
    assert "nothing to do, but not all can be what it was" in again.out


def test_accepted_doubts_are_the_best_guess_and_say_so(
    doubtful: Past, terminal: Terminal, at: str
) -> None:
    before = set(doubtful.versions())
    ran = terminal.restore(doubtful, at, "--accept-doubts", "--report", "report.json")
    assert now(doubtful) == {"older": b"very old", "certain": b"very old", "nothing": b"later"}
    assert before <= set(doubtful.versions())
    assert ran.status == 1, "of one key nothing is left to guess from"
    assert terminal.report()["plan"]["guessed"] == 2
    doubtful.s3.delete_object(Bucket=doubtful.name, Key="nothing", VersionId="null")
    ran = terminal.restore(doubtful, at, "--accept-doubts")
    assert ran.status == 0
    assert "nothing to do: as far as the listing tells, 2 keys in doubt" in ran.out
    assert "all is as it was" not in ran.out


def test_the_last_words_of_a_guess_never_say_that_all_is_as_it_was(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    bucket.then(OLDEST)
    bucket.put("k", b"very old")
    bucket.version("Suspended")
    bucket.then(AFTER)
    bucket.put("k", b"later")
    bucket.version("Enabled")
    bucket.then(timedelta(0))
    ran = terminal.restore(bucket, at, "--accept-doubts")
    assert ran.status == 0
    assert "as far as the listing tells, 1 key in doubt: 1 key restored" in ran.out
    assert "all is as it was" not in ran.out
    assert bucket.read("k") == b"very old"


@pytest.mark.parametrize("accepts", [False, True])
def test_elsewhere(doubtful: Past, terminal: Terminal, at: str, accepts: bool) -> None:
    other = Past(emulator=doubtful.emulator)
    words = ["--accept-doubts"] if accepts else []
    ran = terminal.restore(doubtful, at, "--to", other.name, *words)
    assert ran.status == 1
    expected = {"certain": b"very old"}
    assert now(other) == ({**expected, "older": b"very old"} if accepts else expected)


def test_past_the_horizon_an_older_version_is_a_guess(bucket: Past, terminal: Terminal) -> None:
    bucket.s3.put_bucket_lifecycle_configuration(
        Bucket=bucket.name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "short",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                }
            ]
        },
    )
    for days, body in ((9, b"very old"), (5, b"later")):
        bucket.then(timedelta(days=days))
        bucket.put("k", body)
    bucket.then(timedelta(0))
    words = ("8d ago", "--past-horizon")
    assert terminal.restore(bucket, *words).status == 1
    assert bucket.read("k") == b"later"
    ran = terminal.restore(bucket, *words, "--accept-doubts")
    assert (ran.status, bucket.read("k")) == (0, b"very old")


def test_dates_that_may_err_are_numbered_in_the_last_words(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    """What was uploaded in parts is dated by its beginning: done all the same, and told."""
    bucket.then(BEFORE)
    upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key="film")["UploadId"]
    given = {"Bucket": bucket.name, "Key": "film", "UploadId": upload}
    etag = bucket.s3.upload_part(**given, PartNumber=1, Body=b"then")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    bucket.s3.complete_multipart_upload(**given, MultipartUpload=parts)
    bucket.then(AFTER)
    bucket.put("film", b"later")
    bucket.then(timedelta(0))
    ran = terminal.restore(bucket, at)
    assert ran.status == 0
    assert "all is as it was at that time (by dates that may err: 1 multipart): 1 key" in ran.out
    assert bucket.read("film") == b"then"
