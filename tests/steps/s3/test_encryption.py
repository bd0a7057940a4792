"""A copy is encrypted as its version was, where the caller says that this may differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from functions.s3_versions.copier import Copier, Result
from functions.s3_versions.values import Action, Diff, How
from lab.emulator import Emulator
from tests.steps.s3.place import MIB, Place, one
from tests.steps.s3.talker import ENABLED, error, ok, talking

KEY = "arn:aws:kms:eu-central-1:123456789012:key/one"
OF_KEY = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(emulator=s3, name=new_bucket(), stack=stack)


def by_default(place: Place, **default: str) -> None:
    """Encrypt what is put into a bucket."""
    place.s3.put_bucket_encryption(
        Bucket=place.name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )


@pytest.mark.parametrize("encryption", [True, False])
@pytest.mark.parametrize("size", [0, 3, 6 * MIB])
@pytest.mark.parametrize("default", ["AES256", "aws:kms"])
def test_a_copy_keeps_the_encryption_of_its_version(
    place: Place, default: str, size: int, encryption: bool
) -> None:
    body = b"x" * size
    given = OF_KEY if default == "AES256" else {"ServerSideEncryption": "AES256"}
    version = place.put("key", body, **given)
    place.put("key", b"two")
    by_default(place, SSEAlgorithm=default)
    action = place.back("key", version)
    copier = place.copier(encryption=encryption, largest_copy=5 * MIB)
    assert one(copier.apply([action])).result is Result.DONE
    found, was = place.head("key"), place.head("key", VersionId=version)
    expected = given["ServerSideEncryption"] if encryption else default
    assert found["ServerSideEncryption"] == expected
    assert (found.get("SSEKMSKeyId") == was.get("SSEKMSKeyId")) is encryption
    assert place.body("key") == body


def test_an_ordinary_copy_is_one_request(place: Place) -> None:
    version = place.put("key", b"one")
    place.put("key", b"two")
    action = place.back("key", version)
    assert one(place.copier().apply([action])).result is Result.DONE
    assert not place.calls("HeadObject")
    assert one(place.copier(encryption=True).apply([place.back("key", version)])).result
    assert len(place.calls("HeadObject")) == 1


@pytest.mark.parametrize("size", [3, 6 * MIB])
def test_a_customers_key_is_refused_in_s3s_words(size: int) -> None:
    action = Action(key="key", diff=Diff.CREATE, how=How.COPY, version="1", size=size)
    bare = ok(status="400 Bad Request")
    words = error(400, "InvalidRequest", "stored using a form of Server Side Encryption")
    with (
        talking(ENABLED, bare, words) as (talker, bucket),
        Copier(bucket, bucket, threads=1, encryption=True, largest_copy=5 * MIB) as copier,
    ):
        outcome = one(copier.apply([action]))
    assert outcome.result is Result.FAILED
    assert "400 InvalidRequest stored using a form of Server Side" in outcome.detail
    assert [heard.line.split()[0] for heard in talker.heard] == ["GET", "HEAD", "GET"]
