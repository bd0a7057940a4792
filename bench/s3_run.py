"""What is measured, each in a process of its own: `python -m bench.s3_run PART ...`.

Tells in JSON what it measured itself; the process is measured by who started it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import botocore.parsers
from botocore.config import Config

from functions.s3_versions import listing, state_at
from functions.s3_versions.copier import Copier, Result
from functions.s3_versions.forward import Forward
from functions.s3_versions.values import Action, Diff, Entry, How
from functions.s3_versions.wire import Bucket

THREADS: Final = 10
"""Requests at once, by every tool: what the others do unless told otherwise."""
PAGE: Final = 1000
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


def main() -> None:
    """Run the part that is named."""
    parser = argparse.ArgumentParser(prog="python -m bench.s3_run", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("plan", "restore"):
        whole = parts.add_parser(name)
        whole.add_argument("bucket")
        whole.add_argument("at")
        whole.add_argument("--undelete", action="store_true")
    for name in ("copies", "loop"):
        parts.add_parser(name).add_argument("bucket")
    for name in ("ours", "botocore"):
        parts.add_parser(name).add_argument("entries", type=int)
    given = parser.parse_args()
    match given.part:
        case "restore":
            told = restore(given.bucket, given.at, undelete=given.undelete)
        case "plan":
            told = plan(given.bucket, given.at)
        case "copies":
            told = copies(given.bucket)
        case "loop":
            told = loop(given.bucket)
        case "ours":
            told = listed(given.entries, lambda body: len(listing.parse(body).entries))
        case _:
            told = listed(given.entries, _botocore())
    json.dump(told, sys.stdout)


def restore(name: str, at: str, *, undelete: bool) -> dict[str, Any]:
    """Restore a bucket in place to T: list, plan, compare and apply, as one stream.

    Answers how many entries and outcomes of each kind there were, and the CPU seconds of `start`.
    """
    counts: Counter[str] = Counter()
    with _bucket(name) as bucket, Copier(bucket, bucket, threads=THREADS) as copier:
        start = time.process_time()
        entries = _entries(bucket, counts)
        actions = state_at.plan(entries, at, undelete=undelete)
        for outcome in copier.apply(copier.resolve(actions)):
            counts[outcome.result.value] += 1
    return {"start": start, **counts}


def plan(name: str, at: str) -> dict[str, Any]:
    """List and plan alone."""
    counts: Counter[str] = Counter()
    with _bucket(name) as bucket:
        for action in state_at.plan(_entries(bucket, counts), at):
            counts[action.how.value] += 1
    return counts


def copies(name: str) -> dict[str, Any]:
    """Copy the oldest version of each key forward, all of them planned beforehand."""
    with _bucket(name) as bucket, Copier(bucket, bucket, threads=THREADS) as copier:
        actions = list(_oldest(bucket))
        began, cpu = time.perf_counter(), time.process_time()
        done = sum(outcome.result is Result.DONE for outcome in copier.apply(actions))
        return {
            "copies": done,
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time() - cpu,
        }


def loop(name: str) -> dict[str, Any]:
    """The same requests, signed beforehand and sent as fast as the server answers."""
    with _bucket(name) as bucket:
        place = bucket._signer.place
        forward = Forward(source=bucket, target=bucket)
        messages = [
            bucket._signer.sign(
                "PUT",
                action.key,
                query={},
                headers={**forward.headers(action), "content-length": "0"},
            )
            + b"\r\n"
            for action in _oldest(bucket)
        ]
    shares = [messages[number::THREADS] for number in range(THREADS)]
    threads = [threading.Thread(target=_send, args=(place, share)) for share in shares]
    began, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "copies": len(messages),
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
    }


def listed(entries: int, parse: Callable[[bytes], int]) -> dict[str, Any]:
    """CPU seconds of parsing so many entries page by page.

    Pages are made as they are needed, outside of what is measured.
    """
    seconds, found = 0.0, 0
    for body in _pages(entries):
        began = time.process_time()
        found += parse(body)
        seconds += time.process_time() - began
    return {"entries": found, "cpu": seconds}


def _bucket(name: str) -> Bucket:
    return Bucket(name, client=boto3.client("s3"), connections=THREADS)


def _entries(bucket: Bucket, counts: Counter[str]) -> Iterator[Entry]:
    for page in bucket.versions():
        counts["entries"] += len(page.entries)
        yield from page.entries


def _oldest(bucket: Bucket) -> Iterator[Action]:
    """A copy of each key's oldest version, over what is current."""
    entries = (entry for page in bucket.versions() for entry in page.entries)
    for key, history in itertools.groupby(entries, key=lambda entry: entry.key):
        newest, *_, oldest = history
        yield Action(
            key=key,
            diff=Diff.CHANGE,
            how=How.COPY,
            version=oldest.version_id,
            etag=oldest.etag,
            size=oldest.size,
            storage_class=oldest.storage_class,
            expects=newest.etag,
            current=newest.version_id,
        )


def _send(place: Any, messages: list[bytes]) -> None:
    with socket.create_connection((place.host, place.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for message in messages:
            connection.sendall(message)
            answer = b""
            while not answer.endswith(b"</CopyObjectResult>"):
                piece = connection.recv(65536)
                if not piece:
                    raise ConnectionError(f"expected an answer, got {answer[:200]!r}")
                answer += piece


def _botocore() -> Callable[[bytes], int]:
    config = Config(region_name="eu-central-1")
    client = boto3.client("s3", config=config)
    shape = client.meta.service_model.operation_model("ListObjectVersions").output_shape
    parser: Any = botocore.parsers.create_parser("rest-xml")

    def parse(body: bytes) -> int:
        answer = {"body": body, "headers": {}, "status_code": 200}
        page: dict[str, Any] = parser.parse(answer, shape)
        return len(page["Versions"]) + len(page["DeleteMarkers"])

    return parse


def _pages(entries: int) -> Iterator[bytes]:
    """Pages as S3 writes them: three entries a key, one of seven a marker."""
    owner = f"<Owner><ID>{'75aa57f0' * 8}</ID></Owner>"
    for first in range(0, entries, PAGE):
        texts = [
            f'<?xml version="1.0" encoding="UTF-8"?>\n<ListVersionsResult xmlns="{_NAMESPACE}">'
            "<Name>bucket</Name><Prefix></Prefix><KeyMarker></KeyMarker><VersionIdMarker>"
            "</VersionIdMarker><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>"
            "<IsTruncated>false</IsTruncated>"
        ]
        for number in range(first, min(first + PAGE, entries)):
            head = (
                f"<Key>site/{number // 3000:05}/page+{number // 3:09}.html</Key>"
                f"<VersionId>{number:032x}</VersionId>"
                f"<IsLatest>{'false' if number % 3 else 'true'}</IsLatest>"
                f"<LastModified>2026-11-02T05:{number % 60:02}:00.000Z</LastModified>"
            )
            texts.append(
                f"<Version>{head}<ETag>&quot;{number * 7:032x}&quot;</ETag>"
                "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
                f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{number}</Size>{owner}"
                "<StorageClass>STANDARD</StorageClass></Version>"
                if number % 7
                else f"<DeleteMarker>{head}{owner}</DeleteMarker>"
            )
        texts.append("</ListVersionsResult>")
        yield "".join(texts).encode()


if __name__ == "__main__":
    main()
