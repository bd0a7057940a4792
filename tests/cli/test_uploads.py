"""Uploads in parts: their ids are on disk before a part is copied; what a kill leaves is ended."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from cli import restore_bucket
from cli.uploads import Uploads
from functions.s3_versions.copier import Copier
from functions.s3_versions.uploads import Upload
from functions.s3_versions.wire import Bucket, RequestRefused
from lab.calls import Call
from tests.cli.conftest import AFTER, BEFORE, Past, Terminal


def begun(bucket: Past, key: str) -> str:
    return str(bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=key)["UploadId"])


def left(bucket: Past) -> set[str]:
    """The ids of the uploads that are under way."""
    answer = bucket.s3.list_multipart_uploads(Bucket=bucket.name)
    return {one["UploadId"] for one in answer.get("Uploads", [])}


@pytest.fixture
def film(bucket: Past, monkeypatch: pytest.MonkeyPatch) -> Past:
    """A bucket of which everything above 3 bytes is copied in parts."""
    bucket.then(BEFORE)
    bucket.put("film", b"then")
    bucket.then(AFTER)
    bucket.put("film", b"later")
    bucket.then(timedelta(0))
    monkeypatch.setattr(restore_bucket, "Copier", partial(Copier, largest_copy=3))
    monkeypatch.setattr(bucket.emulator.s3, "smallest_part", 0)
    return bucket


def test_what_is_begun_is_on_disk_before_its_first_part(
    film: Past, terminal: Terminal, at: str
) -> None:
    noted: list[str] = []

    def reads(_: Call) -> None:
        noted.append((terminal.plan / "uploads.jsonl").read_text())

    film.emulator.s3.faults.before("UploadPartCopy", reads, times=1)
    assert terminal.restore(film, at).status == 0
    assert film.read("film") == b"then"
    assert len(noted) == 1
    assert '["film", ' in noted[0]


def test_what_a_kill_left_is_aborted_by_the_same_command_and_others_are_not(
    film: Past, terminal: Terminal, at: str
) -> None:
    faults = film.emulator.s3.faults
    faults.refuse("UploadPartCopy", code="AccessDenied", status=403, times=9)
    assert terminal.restore(film, at).status == 1
    assert left(film) == set(), "what fails is aborted at once"
    faults.clear()
    own, others = begun(film, "film"), begun(film, "film")
    Uploads(terminal.plan / "uploads.jsonl").note("film", own)
    ran = terminal.restore(film, at)
    assert ran.status == 0
    assert "aborted an unfinished copy in parts of film" in ran.out
    assert left(film) == {others}


def test_who_may_not_look_for_them_is_told_and_restores_all_the_same(
    film: Past, terminal: Terminal, at: str
) -> None:
    assert terminal.run(film.name, "--at", at, "--dry-run").status == 0
    uploads = terminal.plan / "uploads.jsonl"
    Uploads(uploads).note("film", begun(film, "film"))
    film.emulator.s3.faults.refuse("ListMultipartUploads", code="AccessDenied", status=403)
    ran = terminal.restore(film, at)
    assert ran.status == 0
    assert "an unfinished copy in parts may be left, and billed" in ran.out
    assert uploads.exists()


def test_the_file_is_kept_until_all_are_ended_and_a_torn_line_is_nothing(
    bucket: Past, terminal: Terminal
) -> None:
    path = terminal.folder / "uploads.jsonl"
    uploads = Uploads(path)
    ids = [begun(bucket, key) for key in ("a\n", "b")]
    with Bucket(bucket.name, client=bucket.s3) as wire:
        assert uploads.abort(wire, "") == []
        uploads.note("a\n", ids[0])
        with path.open("a") as file:
            file.write(f'["b", "{ids[1]}')
        bucket.emulator.s3.faults.refuse("AbortMultipartUpload", code="AccessDenied", status=403)
        with pytest.raises(RequestRefused):
            uploads.abort(wire, "")
        assert uploads.abort(wire, "") == [Upload("a\n", ids[0])]
    assert left(bucket) == {ids[1]}
    assert not path.exists()
