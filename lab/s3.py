"""S3 for a lab: objects, their versions and markers, and their order, as AWS has them.

It answers in moto's place whatever is about an object; buckets and their configuration are moto's.
moto 5.2.5 lists versions and markers apart, pages them wrongly, and ignores most conditions; of a
configuration it forgets parts (the prefix of a replication rule), so what was put is kept here.

Not as in AWS: nothing expires or changes its class by a lifecycle rule, nothing is replicated or
notified; there are no ACLs, no requester pays, no keys of customers (SSE-C), no access points;
CRC32C and CRC64NVME are kept as given and never computed; an archived object that was asked back
comes when `finish_restores` is called. A new bucket has no encryption, public access block or
ownership controls of its own until it is given some, and objects are encrypted nevertheless.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from moto.s3.models import s3_backends

from lab import aws, s3_listings, s3_objects, s3_uploads
from lab.calls import Call, Refusal
from lab.s3_content import key_arn
from lab.s3_faults import Faults, end
from lab.s3_records import Bucket, Content, Lock, Version
from lab.s3_wire import ALGORITHMS, Answer, Asked, S3Refusal, refusal_text, source_of, unchunked

__all__ = ["S3", "Answer"]

Operation = Callable[["S3", Asked], Answer]


class S3:
    """The objects of one emulator. `clock` says what time S3 has.

    `may_list` says whether a role may list a bucket: who may not is not told that a key is absent,
    but that it is denied. `smallest_part` and `largest_copy` are limits in bytes, which a test may
    make smaller.
    """

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self.faults = Faults()
        self.clock = clock
        self.may_list: Callable[[str, str], bool] = lambda _role, _bucket: True
        self.smallest_part = 5 * 1024**2
        self.largest_copy = 5 * 1024**3
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.RLock()

    def clear(self) -> None:
        """Forget all objects, and what was planned to fail."""
        with self._lock:
            self._buckets.clear()
        self.faults.clear()

    def rot(self, bucket: str, key: str) -> None:
        """Turn over one bit of the current object, under the ETag and checksum that it has."""
        with self._lock:
            version = self._buckets[bucket].current(key)
            if version is None or version.content is None or not version.content.body:
                raise LookupError(f"s3://{bucket}/{key}: there are no bytes to rot")
            body = bytearray(version.content.body)
            body[len(body) // 2] ^= 1
            version.content.body = bytes(body)

    def answer(
        self, call: Call, environ: Mapping[str, Any], body: bytes, moto: Callable[[], Answer]
    ) -> Answer:
        """What S3 answers to a call; `moto` is asked where that knows. Raises HungUp."""
        try:
            fault = self.faults.meet(call)
            found = self._answered(call, environ, body, moto)
        except Refusal as error:
            refusal = self._told(call, error)
            headers = refusal.headers if isinstance(refusal, S3Refusal) else {}
            found = Answer(
                status=refusal.status,
                headers={"Content-Type": "application/xml", **headers},
                body=refusal_text(refusal) if refusal.status != HTTPStatus.NOT_MODIFIED else b"",
            )
            fault = None
        end(fault)
        told = {"x-amz-request-id": secrets.token_hex(8).upper(), **found.headers}
        return Answer(status=found.status, headers=told, body=found.body)

    def bucket(self, name: str) -> Bucket:
        """The objects of a bucket. Raises S3Refusal when there is no bucket of that name."""
        self._settings(name)
        return self._buckets.setdefault(name, Bucket(name))

    def versioning(self, bucket: str) -> str | None:
        """Enabled, Suspended, or None where it never was on. Raises S3Refusal."""
        status: str | None = self._settings(bucket).versioning_status
        return status

    def locks(self, bucket: str) -> bool:
        """Whether a bucket has Object Lock. Raises S3Refusal."""
        return bool(self._settings(bucket).object_lock_enabled)

    def default_lock(self, bucket: str) -> Lock:
        """The lock of what is put into a bucket without one of its own. Raises S3Refusal."""
        settings = self._settings(bucket)
        if not settings.has_default_lock:
            return Lock()
        days = int(settings.default_lock_days or 0) + 365 * int(settings.default_lock_years or 0)
        return Lock(mode=settings.default_lock_mode, until=self.now() + timedelta(days=days))

    def default_encryption(self, bucket: str) -> tuple[str, str | None]:
        """Algorithm and key of what is put into a bucket without its own. Raises S3Refusal."""
        encryption = self._settings(bucket).encryption
        if not encryption:
            return "AES256", None
        default = encryption["Rule"]["ApplyServerSideEncryptionByDefault"]
        return default["SSEAlgorithm"], default.get("KMSMasterKeyID")

    def key_of(self, bucket: str) -> str | None:
        """The ARN of the customer's key that encrypts a bucket, None if there is no such."""
        try:
            _, key = self.default_encryption(bucket)
        except S3Refusal:
            return None
        return key_arn(key) if key else None

    def now(self) -> datetime:
        """What time it is in S3."""
        return self.clock()

    def version_header(self, bucket: Bucket, version: Version) -> dict[str, str]:
        """The header that tells a version's id, in a bucket that has versions."""
        if self.versioning(bucket.name) is None:
            return {}
        return {"x-amz-version-id": version.id}

    def write(
        self, bucket: Bucket, key: str, content: Content | None, *, modified: datetime | None = None
    ) -> Version:
        """Write the newest version of a key, or a marker where there is no content."""
        return bucket.add(
            key,
            content,
            modified=modified or self.now(),
            versioned=self.versioning(bucket.name) == "Enabled",
        )

    def finish_restores(self, bucket: str, key: str | None = None) -> int:
        """Let the archived versions that were asked back come; how many did.

        Raises S3Refusal when there is no such bucket.
        """
        with self._lock:
            came = 0
            for version in self.bucket(bucket).versions():
                waits = version.days_back and version.back_until is None
                if waits and key in (None, version.key):
                    version.back_until = self.now() + timedelta(days=version.days_back)
                    came += 1
            return came

    def _answered(
        self, call: Call, environ: Mapping[str, Any], body: bytes, moto: Callable[[], Answer]
    ) -> Answer:
        for owner in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
            if call.parameters.get(owner, aws.ACCOUNT) != aws.ACCOUNT:
                raise S3Refusal("AccessDenied", "Access Denied", HTTPStatus.FORBIDDEN)
        if call.operation == "DeleteBucket":
            return self._bucket_deleted(call.parameters["Bucket"], moto)
        if call.operation in _CONFIGURED:
            return self._configured(call, body, moto)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            if "Key" in call.parameters:
                raise S3Refusal(
                    "NotImplemented",
                    f"the lab's S3 cannot do {call.operation}",
                    HTTPStatus.NOT_IMPLEMENTED,
                )
            return moto()
        content, trailers = body, dict[str, str]()
        if environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith("STREAMING-"):
            content, trailers = unchunked(body)
        asked = Asked(
            operation=call.operation,
            parameters=call.parameters,
            body=content,
            checksums={**_checksums(environ), **trailers},
        )
        with self._lock:
            return operation(self, asked)

    def _told(self, call: Call, refusal: Refusal) -> Refusal:
        """The refusal as its caller gets to read it."""
        if refusal.code != "NoSuchKey" or call.role is None:
            return refusal
        buckets = {call.parameters["Bucket"]}
        if "CopySource" in call.parameters:
            buckets.add(source_of(call.parameters["CopySource"])[0])
        if all(self.may_list(call.role, bucket) for bucket in buckets):
            return refusal
        return S3Refusal("AccessDenied", "Access Denied", HTTPStatus.FORBIDDEN)

    def _bucket_deleted(self, name: str, moto: Callable[[], Answer]) -> Answer:
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is not None and not bucket.empty:
                raise S3Refusal(
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty. You must delete all versions in "
                    "the bucket.",
                    HTTPStatus.CONFLICT,
                    BucketName=name,
                )
            answer = moto()
            if answer.status == HTTPStatus.NO_CONTENT:
                self._buckets.pop(name, None)
            return answer

    def _configured(self, call: Call, body: bytes, moto: Callable[[], Answer]) -> Answer:
        """moto's answer about a part of a configuration, with the document as it was put."""
        part, answer = _CONFIGURED[call.operation], moto()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            return answer
        documents = self.bucket(call.parameters["Bucket"]).documents
        if call.operation.startswith("Put"):
            documents[part] = body
        elif call.operation.startswith("Delete"):
            documents.pop(part, None)
        elif part in documents:
            headers = {"Content-Type": "application/xml"}
            return Answer(status=answer.status, headers=headers, body=documents[part])
        return answer

    def _settings(self, bucket: str) -> Any:
        """moto's bucket, which has its configuration. Raises S3Refusal."""
        found = s3_backends[aws.ACCOUNT]["aws"].buckets.get(bucket)
        if found is None:
            raise S3Refusal(
                "NoSuchBucket",
                "The specified bucket does not exist",
                HTTPStatus.NOT_FOUND,
                BucketName=bucket,
            )
        return found


def _checksums(environ: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a request that tell a checksum of its body, in lower case."""
    names = {"HTTP_CONTENT_MD5": "content-md5"}
    names |= {
        f"HTTP_X_AMZ_CHECKSUM_{each}": f"x-amz-checksum-{each.lower()}" for each in ALGORITHMS
    }
    return {name: environ[key] for key, name in names.items() if key in environ}


_CONFIGURED = {
    "DeleteBucketLifecycle": "lifecycle",
    "GetBucketLifecycleConfiguration": "lifecycle",
    "PutBucketLifecycleConfiguration": "lifecycle",
    "DeleteBucketReplication": "replication",
    "GetBucketReplication": "replication",
    "PutBucketReplication": "replication",
    "GetBucketNotificationConfiguration": "notification",
    "PutBucketNotificationConfiguration": "notification",
    "GetObjectLockConfiguration": "object lock",
    "PutObjectLockConfiguration": "object lock",
    "GetBucketVersioning": "versioning",
    "PutBucketVersioning": "versioning",
}
"""Which part of a configuration an operation is about, of those that moto does not keep whole."""

OPERATIONS: Mapping[str, Operation] = {
    "AbortMultipartUpload": s3_uploads.abort_multipart_upload,
    "CompleteMultipartUpload": s3_uploads.complete_multipart_upload,
    "CopyObject": s3_objects.copy_object,
    "CreateMultipartUpload": s3_uploads.create_multipart_upload,
    "DeleteObject": s3_objects.delete_object,
    "DeleteObjects": s3_objects.delete_objects,
    "DeleteObjectTagging": s3_objects.delete_object_tagging,
    "GetObject": s3_objects.get_object,
    "GetObjectAcl": s3_objects.get_object_acl,
    "GetObjectAttributes": s3_objects.get_object_attributes,
    "GetObjectLegalHold": s3_objects.get_object_legal_hold,
    "GetObjectRetention": s3_objects.get_object_retention,
    "GetObjectTagging": s3_objects.get_object_tagging,
    "HeadObject": s3_objects.head_object,
    "ListMultipartUploads": s3_uploads.list_multipart_uploads,
    "ListObjects": lambda s3, asked: s3_listings.objects_by_marker(s3.bucket(asked.bucket), asked),
    "ListObjectsV2": lambda s3, asked: s3_listings.objects(s3.bucket(asked.bucket), asked),
    "ListObjectVersions": lambda s3, asked: s3_listings.versions(s3.bucket(asked.bucket), asked),
    "ListParts": s3_uploads.list_parts,
    "PutObject": s3_objects.put_object,
    "PutObjectLegalHold": s3_objects.put_object_legal_hold,
    "PutObjectRetention": s3_objects.put_object_retention,
    "PutObjectTagging": s3_objects.put_object_tagging,
    "RestoreObject": s3_objects.restore_object,
    "UploadPart": s3_uploads.upload_part,
    "UploadPartCopy": s3_uploads.upload_part_copy,
}
