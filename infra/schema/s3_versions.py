"""Every key of a drill of the kind `s3_versions`, and of a bucket that may be restored whole."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from infra.durations import Duration
from infra.schema.base import KEY_ARN, DrillName, Schedule, Severity, Values

_NO_NAME = re.compile(
    r"\.\.|^[0-9]+(\.[0-9]+){3}$|^xn--|^sthree-|^amzn-s3-demo-|-s3alias$|--ol-s3$|--x-s3$"
)


def _bucket(value: str) -> str:
    """The rules of S3's user guide, "General purpose bucket naming rules"."""
    if _NO_NAME.search(value):
        raise ValueError("a bucket's name as S3 allows it, such as company-files-prod")
    return value


Bucket = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"), AfterValidator(_bucket)
]

Accepted = Literal["public", "replication", "notification", "default_retention"]


class Canary(Values):
    """Where objects are written, overwritten, deleted and brought back."""

    place: Literal["sibling", "bucket"] = Field(default="sibling", alias="in")
    """sibling (a bucket that the stack makes) or bucket (a prefix of the real one)"""
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*$", max_length=100)] = (
        ""
    )
    """folders of letters, digits, dots, - and _, each with its /, such as _drill/"""
    accept: tuple[Accepted, ...] = ()
    """a list of public, replication, notification, default_retention: what may cover the prefix"""


class Encryption(Values):
    """How the objects of the bucket must be encrypted."""

    type: Literal["s3", "kms", "any"] = "s3"
    """s3 (keys of S3), kms (one key of KMS) or any"""
    kms_key: Annotated[str, Field(pattern=KEY_ARN)] | None = None
    """the ARN of the key: obligatory where type is kms, and only there"""


class S3Objectives(Values):
    """What bringing back may take. The RPO is 0 by construction, and proven by the versions."""

    object: Annotated[int, Duration("1s", "1d")] = Field(default="1m", validate_default=True)
    """the longest time from asking for one object until it is back"""
    bucket: Annotated[int, Duration("1s", "30d")] = Field(default="1h", validate_default=True)
    """the longest time for the restore of all that the drill brings back"""


class S3Deadlines(Values):
    """How long a drill of a bucket may take before it gives up, and removes what it made."""

    verify: Annotated[int, Duration("5m", "24h")] = Field(default="2h", validate_default=True)
    """how long everything up to the end of the verification may take"""
    teardown: Annotated[int, Duration("1m", "24h")] = Field(default="30m", validate_default=True)
    """how long the teardown may take"""


class S3Timing(Values):
    """How often the drill looks."""

    poll: Annotated[int, Duration("10s", "10m")] = Field(default="10s", validate_default=True)
    """how long the line waits before it looks again"""


class S3VersionsDrill(Values):
    """One drill of a versioned bucket of S3."""

    name: DrillName
    """lower-case letters, digits and single hyphens, 39 at most, as in files-prod-monthly"""
    kind: Literal["s3_versions"]
    """s3_versions"""
    bucket: Bucket
    """the name of the bucket to drill, 3 to 63 lower-case letters, digits, dots and hyphens"""
    mode: Literal["canary", "rehearsal"] = "canary"
    """canary (objects of the drill's own) or rehearsal (the real ones, into a scratch bucket)"""
    canary: Canary = Canary()
    """in, prefix and accept: only in mode canary"""
    prefix: Annotated[str, Field(pattern=r"^[ -#%-)+->@-~\u00a1-\u00ff]*$", max_length=128)] = ""
    """how the keys begin that a rehearsal restores: Latin-1 without * ? and $; empty for all"""
    at: Literal["latest", "oldest"] = "latest"
    """latest, or oldest (the oldest moment that a run witnessed within noncurrent_days_minimum)"""
    sample: Annotated[int, Field(ge=1, le=10_000)] = 50
    """objects that a rehearsal reads back in full, from 1 to 10000, chosen at random"""
    objects_maximum: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    """objects that a rehearsal restores at most, from 1 to 1000000; of more it is refused"""
    encryption: Encryption = Encryption()
    """type and kms_key"""
    require_public_access_block: bool = True
    """true or false"""
    noncurrent_days_minimum: Annotated[int, Field(ge=1, le=3650)] = 30
    """days for which a lifecycle rule must keep noncurrent versions, from 1 to 3650"""
    replication: Literal["ignored", "if_replicated", "required"] = "if_replicated"
    """ignored, if_replicated (no failures where rules are; not that rules went) or required"""
    schedule: Schedule
    """cron and timezone"""
    objectives: S3Objectives = S3Objectives()
    """object and bucket"""
    deadlines: S3Deadlines = S3Deadlines()
    """verify and teardown"""
    timing: S3Timing = S3Timing()
    """poll"""
    severity: Severity = "medium"
    """critical, high, medium or low"""

    @property
    def source(self) -> str:
        """What is drilled, for people."""
        return self.bucket

    @property
    def is_canary(self) -> bool:
        """Whether objects of the drill's own are brought back, not the real ones."""
        return self.mode == "canary"

    @property
    def writes_to_source(self) -> bool:
        """Whether the drill writes to the real bucket, below `canary.prefix`."""
        return self.is_canary and self.canary.place == "bucket"

    @property
    def kms_key(self) -> str:
        """The ARN of the key that encrypts; empty where none is named."""
        return self.encryption.kms_key or ""

    def document(self, *, own_bucket: str) -> dict[str, Any]:
        """The drill as the line carries it: docs/design.md, "The document".

        `own_bucket` is the bucket that the stack makes for it: a canary's sibling, or a scratch.
        """
        canary = {
            "in": self.canary.place,
            "bucket": self.bucket if self.writes_to_source else own_bucket,
            "prefix": self.canary.prefix,
            "accept": list(self.canary.accept),
        }
        return {
            "name": self.name,
            "kind": self.kind,
            "bucket": self.bucket,
            "mode": self.mode,
            "canary": canary if self.is_canary else None,
            "scratch": None if self.is_canary else {"bucket": own_bucket},
            "prefix": self.prefix,
            "at": self.at,
            "sample": self.sample,
            "objects_maximum": self.objects_maximum,
            "encryption": {"type": self.encryption.type, "kms_key": self.kms_key},
            "require_public_access_block": self.require_public_access_block,
            "noncurrent_days_minimum": self.noncurrent_days_minimum,
            "replication": self.replication,
            "objectives": {
                "rpo_seconds": 0,
                "rto_seconds": self.objectives.bucket,
                "object_seconds": self.objectives.object,
            },
            "deadlines": {f"{key}_seconds": value for key, value in self.deadlines},
            "timing": {f"{key}_seconds": value for key, value in self.timing},
            "severity": self.severity,
        }


class RestoreBucket(Values):
    """A bucket that a state machine can bring back as it was, however many objects it has."""

    bucket: Bucket
    """the name of the bucket whose versions are read"""
    to: Bucket | None = None
    """the name of the bucket that its state is restored into; or in_place instead"""
    in_place: bool = False
    """true where the bucket itself is written to: then without to"""
    undelete: bool = False
    """true where an execution may remove delete markers by their ids: only with in_place"""
    kms_key: Annotated[str, Field(pattern=KEY_ARN)] | None = None
    """the ARN of the key that encrypts both; left away for keys of S3"""

    @property
    def target(self) -> str:
        """The bucket that is written to."""
        return self.bucket if self.in_place else self.to or ""
