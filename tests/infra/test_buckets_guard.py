"""Buckets: what is drilled is read, what drills make is written, and nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.contradictions import MOST_S3_DRILLS
from lab.iam import Iam, World
from lab.policies import Context, Request, Role
from tests.infra import destructive
from tests.infra.bucket_calls import of_canary, of_rehearsal
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.samples import DEPLOYMENT, content
from tests.infra.test_guard import FILES, FORGED, dangers, not_denied
from tests.infra.test_permissions import Call
from tests.infra.test_rotation_guard import boundary

KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f"
STEPS = {
    f"drill-s3-{step}"
    for step in ("plan", "witness", "exercise", "verify", "verify-unit", "teardown")
}
READS = STEPS - {"drill-s3-plan"}
RUN = "drill-20261102-1a2b3c"
WRITERS = {
    "s3:AbortMultipartUpload": {"drill-s3-witness", "drill-s3-exercise", "drill-s3-teardown"},
    "s3:DeleteObject": {"drill-s3-witness", "drill-s3-exercise", "drill-s3-teardown"},
    "s3:DeleteObjectVersion": {"drill-s3-exercise", "drill-s3-teardown"},
    "s3:PutObject": {"drill-s3-witness", "drill-s3-exercise"},
    "s3:PutObjectTagging": {"drill-s3-witness", "drill-s3-exercise"},
}
"""Who writes in a canary's place, and what."""

LOOKERS = {"drill-s3-plan", "drill-s3-verify", "drill-s3-verify-unit"}
CONFIGURATION = {
    f"s3:{action}"
    for action in (
        "GetBucketLocation",
        "GetBucketNotification",
        "GetBucketObjectLockConfiguration",
        "GetBucketOwnershipControls",
        "GetBucketPolicyStatus",
        "GetBucketPublicAccessBlock",
        "GetBucketVersioning",
        "GetEncryptionConfiguration",
        "GetLifecycleConfiguration",
        "GetReplicationConfiguration",
    )
}
REAL = "arn:aws:s3:::company-files"
"""The bucket of the sample drill, in whose prefix _drill/ the variant's canary is."""

READ_ONLY = "arn:aws:s3:::company-invoices"
"""The bucket of the variant's rehearsal, of what is below 2026/."""


@pytest.fixture(scope="module")
def steps(template: Template) -> Role:
    """What a role that may do everything may do below the boundary of the steps."""
    return boundary(template, "S3VersionsBoundary")


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A canary in the real bucket, one of the same bucket in a sibling, and a rehearsal by key."""
    encryption = {"type": "kms", "kms_key": KEY}
    drills = (
        {
            "kind": "s3_versions",
            "canary": {"in": "bucket", "prefix": "_drill/", "accept": ["default_retention"]},
        },
        {"kind": "s3_versions", "name": "beside", "encryption": {"type": "any"}},
        {
            "kind": "s3_versions",
            "name": "rehearsed",
            "bucket": "company-invoices",
            "mode": "rehearsal",
            "prefix": "2026/",
            "encryption": encryption,
        },
    )
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "drills.yaml").write_text(json.dumps(content(*drills)))
    return resolve(synthesized(folder / "drills.yaml", folder))


@pytest.fixture(scope="module")
def may(variant: Template) -> dict[str, Role]:
    return roles_of_functions(variant, roles_in(variant))


def done_by(
    roles: Mapping[str, Role], target: str, context: Context | None = None
) -> dict[str, set[str]]:
    """Every action of S3 that some function may do to a target, and who."""
    found: dict[str, set[str]] = {}
    for name, role in roles.items():
        for action in (*destructive.S3_LOOKS, *destructive.s3()):
            if role.allows(Request(action, target, context or {})):
                found.setdefault(action, set()).add(name)
    return found


def writes(found: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The part that is not a mere look."""
    return {action: who for action, who in found.items() if action not in destructive.S3_LOOKS}


def test_the_boundary_of_the_steps_alone_forbids_all_dangers(steps: Role) -> None:
    assert [danger for danger in dangers() if steps.allows(Request(*danger))] == []


def test_its_denies_hold_even_where_somebody_lifts_the_ceiling(steps: Role) -> None:
    assert steps.boundary is not None
    assert not_denied(steps.boundary) == []


def test_of_the_real_bucket_a_canary_in_a_sibling_reads_the_configuration_alone(
    function_roles: dict[str, Role],
) -> None:
    lookers = LOOKERS | {"drill-collector"}
    assert done_by(function_roles, FILES[0]) == dict.fromkeys(CONFIGURATION, lookers)
    for key in ("index.html", f"{RUN}/a"):
        assert done_by(function_roles, f"{FILES[0]}/{key}") == {}


def test_a_canary_writes_below_its_name_in_its_sibling(
    template: Template, function_roles: dict[str, Role], steps: Role
) -> None:
    sibling = template.arn(template.called("AWS::S3::Bucket", "S3VersionsSibling"))
    assert writes(done_by(function_roles, f"{sibling}/{RUN}/a")) == WRITERS
    assert done_by(function_roles, f"{sibling}/index.html") == {}
    assert writes(done_by(function_roles, sibling)) == {}
    listed = done_by(function_roles, sibling)
    assert listed["s3:ListBucketVersions"] == listed["s3:ListBucket"] == READS
    assert listed["s3:ListBucketMultipartUploads"] == {"drill-s3-teardown"}
    below = {action for action in destructive.s3() if steps.allows(Request(action, sibling))}
    assert below == set()
    inside = {a for a in destructive.s3() if steps.allows(Request(a, f"{sibling}/{RUN}/a"))}
    assert inside == set(WRITERS)


def test_evidence_is_written_by_the_steps_and_never_ended(
    template: Template, function_roles: dict[str, Role], steps: Role
) -> None:
    evidence = template.arn(template.called("AWS::S3::Bucket", "Evidence"))
    for target in (evidence, f"{evidence}/a/2026/r/report.json"):
        assert not [
            action
            for action in destructive.S3_CONFIGURATION_AND_ENDS
            if steps.allows(Request(action, target))
        ]
    written = {
        name: {action for action, who in done.items() if name in who}
        for part in ("witness/a", "checks/a", "plan.json")
        for done in [writes(done_by(function_roles, f"{evidence}/a/2026/r/{part}"))]
        for name in STEPS
        if any(name in who for who in done.values())
    }
    assert written == {
        "drill-s3-plan": {"s3:PutObject"},
        "drill-s3-witness": {"s3:PutObject", "s3:PutObjectTagging"},
        "drill-s3-verify": {"s3:PutObject"},
        "drill-s3-verify-unit": {"s3:PutObject"},
    }


def test_a_canary_in_the_real_bucket_writes_below_its_prefix_alone(
    variant: Template, may: dict[str, Role]
) -> None:
    assert writes(done_by(may, f"{REAL}/_drill/{RUN}/a")) == WRITERS
    others = ("index.html", "_drill/index.html", f"{RUN}/a", f"a/_drill/{RUN}/a", "_drill/drill")
    for key in others:
        assert done_by(may, f"{REAL}/{key}") == {}, key
    assert writes(done_by(may, REAL)) == {}
    everything = boundary(variant, "S3VersionsBoundary")
    for key in others:
        below = [a for a in destructive.s3() if everything.allows(Request(a, f"{REAL}/{key}"))]
        assert below == [], key
    for context in ({}, FORGED):
        asked = [Request(action, REAL, context) for action in destructive.s3()]
        assert [each for each in asked if everything.allows(each)] == []


def test_where_a_retention_is_accepted_teardown_may_see_that_a_version_is_locked(
    template: Template, function_roles: dict[str, Role], may: dict[str, Role]
) -> None:
    teardown = {"drill-s3-teardown"}
    retained = done_by(may, f"{REAL}/_drill/{RUN}/a")
    assert retained["s3:GetObjectRetention"] == teardown
    assert retained["s3:GetObjectVersion"] > teardown
    sibling = template.arn(template.called("AWS::S3::Bucket", "S3VersionsSibling"))
    plain = done_by(function_roles, f"{sibling}/{RUN}/a")
    assert "s3:GetObjectRetention" not in plain
    assert not plain["s3:GetObjectVersion"] & teardown


def test_it_lists_the_versions_of_its_prefix_alone(may: dict[str, Role]) -> None:
    listing = "s3:ListBucketVersions"
    assert listing not in done_by(may, REAL)
    for prefix in ("", "_drill/", "index.html"):
        assert listing not in done_by(may, REAL, {"s3:prefix": prefix}), prefix
    assert done_by(may, REAL, {"s3:prefix": f"_drill/{RUN}/"})[listing] == READS


def test_a_rehearsal_reads_what_is_below_its_prefix_and_writes_none_of_it(
    variant: Template, may: dict[str, Role]
) -> None:
    below = done_by(may, f"{READ_ONLY}/2026/a")
    copies = {"drill-s3-exercise", "drill-s3-verify", "drill-s3-verify-unit"}
    compares = {"drill-s3-verify", "drill-s3-verify-unit"}
    assert below == {
        "s3:GetObject": copies,
        "s3:GetObjectAttributes": compares,
        "s3:GetObjectTagging": copies,
        "s3:GetObjectVersion": copies,
        "s3:GetObjectVersionAttributes": compares,
        "s3:GetObjectVersionTagging": copies,
    }
    assert done_by(may, f"{READ_ONLY}/2025/a") == {}
    found = done_by(may, READ_ONLY, {"s3:prefix": "2026/"})
    assert writes(found) == {}
    assert found["s3:ListBucketVersions"] == found["s3:ListBucket"] == STEPS - {"drill-s3-teardown"}
    assert "s3:ListBucketVersions" not in done_by(may, READ_ONLY, {"s3:prefix": "2025/"})
    everything = boundary(variant, "S3VersionsBoundary")
    for target in (READ_ONLY, f"{READ_ONLY}/2026/a", f"{READ_ONLY}/{RUN}/a"):
        assert not [a for a in destructive.s3() if everything.allows(Request(a, target))]


def test_what_it_restores_goes_into_its_scratch_bucket_whatever_its_key(
    variant: Template, may: dict[str, Role]
) -> None:
    scratch = variant.arn(variant.called("AWS::S3::Bucket", "S3VersionsScratch"))
    assert writes(done_by(may, f"{scratch}/2026/a")) == {
        "s3:AbortMultipartUpload": {"drill-s3-exercise", "drill-s3-teardown"},
        "s3:DeleteObject": {"drill-s3-teardown"},
        "s3:DeleteObjectVersion": {"drill-s3-teardown"},
        "s3:PutObject": {"drill-s3-exercise"},
        "s3:PutObjectTagging": {"drill-s3-exercise"},
    }
    assert writes(done_by(may, scratch)) == {}


def test_every_function_may_make_its_calls(variant: Template, may: dict[str, Role]) -> None:
    """In a canary of each place, and in a rehearsal with a key: what a step calls in S3."""
    sibling = variant.called("AWS::S3::Bucket", "S3VersionsSibling")
    scratch = variant.called("AWS::S3::Bucket", "S3VersionsScratch")
    keyed = ("arn:aws:s3:::company-invoices", variant.arn(scratch))
    iam = Iam(
        roles=may,
        world=World(
            region="sa-east-1",
            account="123456789012",
            key_of=lambda arn: KEY if arn in keyed else None,
        ),
    )
    drills = (
        of_canary("company-files", sibling, f"{RUN}/"),
        of_canary("company-files", "company-files", f"_drill/{RUN}/"),
        of_rehearsal("company-invoices", scratch, "2026/"),
    )
    refused = [
        (step, operation, str(request))
        for calls in drills
        for step, made in calls
        for service, operation, parameters in made
        if (
            request := iam.refused(
                Call(role=step, service=service, operation=operation, parameters=parameters)
            )
        )
    ]
    assert refused == []


def test_a_drill_s_own_buckets_are_as_the_source_must_be(variant: Template) -> None:
    buckets = variant.of_type("AWS::S3::Bucket")
    sibling = buckets[variant.called("AWS::S3::Bucket", "S3VersionsSibling")]
    scratch = buckets[variant.called("AWS::S3::Bucket", "S3VersionsScratch")]
    for name, bucket in buckets.items():
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        ownership = bucket["OwnershipControls"]["Rules"]
        assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert "BucketName" not in bucket
        if not name.startswith("Evidence"):
            assert variant.resources[name]["DeletionPolicy"] == "Delete"
            assert "ObjectLockEnabled" not in bucket
    assert _default(sibling) == {"SSEAlgorithm": "AES256"}
    assert _default(scratch) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert "ReplicationConfiguration" not in sibling


def _default(bucket: Mapping[str, Any]) -> Any:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return rule["ServerSideEncryptionByDefault"]


def test_noncurrent_versions_live_in_a_sibling_as_long_as_the_drill_demands(
    template: Template, variant: Template
) -> None:
    sibling = template.resources[template.called("AWS::S3::Bucket", "S3VersionsSibling")]
    noncurrent, dead = sibling["Properties"]["LifecycleConfiguration"]["Rules"]
    assert noncurrent["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert "ExpirationInDays" not in noncurrent
    assert (dead["Prefix"], dead["ExpirationInDays"]) == ("drill-", 2)
    assert "NoncurrentVersionExpiration" not in dead
    scratch = variant.resources[variant.called("AWS::S3::Bucket", "S3VersionsScratch")]
    rule, markers = scratch["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 2
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert "Prefix" not in rule
    assert markers["ExpiredObjectDeleteMarker"] is True


def test_every_bucket_refuses_plain_text(variant: Template) -> None:
    refusing = {
        policy["Bucket"]
        for policy in variant.of_type("AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert refusing == set(variant.of_type("AWS::S3::Bucket"))


def test_the_document_names_the_bucket_that_is_written_to(variant: Template) -> None:
    places = {}
    for machine in variant.of_type("AWS::StepFunctions::StateMachine").values():
        line = json.loads(machine["DefinitionString"])
        drill = line["States"]["Drill"]["Parameters"]["drill"]
        places[drill["name"]] = (drill["canary"] or drill["scratch"])["bucket"]
    assert places == {
        "files": "company-files",
        "beside": variant.called("AWS::S3::Bucket", "S3VersionsSibling"),
        "rehearsed": variant.called("AWS::S3::Bucket", "S3VersionsScratch"),
    }


def test_the_key_is_used_through_s3_alone(variant: Template, may: dict[str, Role]) -> None:
    through: Context = {"kms:ViaService": "s3.sa-east-1.amazonaws.com"}
    elsewhere: Context = {"kms:ViaService": "rds.sa-east-1.amazonaws.com"}
    uses = {
        action: {name for name, role in may.items() if role.allows(Request(action, KEY, through))}
        for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant", "kms:DescribeKey")
    }
    assert uses == {
        "kms:Decrypt": {"drill-s3-exercise", "drill-s3-verify", "drill-s3-verify-unit"},
        "kms:GenerateDataKey": {"drill-s3-exercise"},
        "kms:CreateGrant": set(),
        "kms:DescribeKey": {"drill-collector"},
    }
    for action in uses.keys() - {"kms:DescribeKey"}:  # the collector only looks, through nobody
        for context in ({}, elsewhere):
            assert not any(role.allows(Request(action, KEY, context)) for role in may.values())
    everything = boundary(variant, "S3VersionsBoundary")
    for action in destructive.key_administration():
        assert not everything.allows(Request(action, KEY, through))


def test_the_policies_fit_iam_s_limits_with_as_many_drills_as_may_be_configured(
    tmp_path: Path,
) -> None:
    encryption = {"type": "kms", "kms_key": KEY}
    canaries = [
        {
            "kind": "s3_versions",
            "name": f"d{number}",
            "bucket": f"b{number}".ljust(63, "x"),
            "canary": {"in": "bucket", "prefix": f"{number}".ljust(99, "x") + "/"},
            "encryption": {**encryption, "kms_key": f"{KEY[:-1]}{number}"},
        }
        for number in range(MOST_S3_DRILLS)
    ]
    rehearsals = [
        {
            **{key: value for key, value in canary.items() if key != "canary"},
            "mode": "rehearsal",
            "prefix": f"{number}".ljust(128, "x"),
        }
        for number, canary in enumerate(canaries)
    ]
    for name, drills in (("canaries", canaries), ("rehearsals", rehearsals)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "drills.yaml").write_text(
            json.dumps(content(*drills, deployment={**DEPLOYMENT, "stack": "s" * 40}))
        )
        template = resolve(synthesized(folder / "drills.yaml", folder))
        made = list(template.of_type("AWS::S3::Bucket"))

        def length(document: Any, made: list[str] = made) -> int:
            """As in AWS, where a bucket's name may be longer than its logical id is here."""
            text = json.dumps(document, separators=(",", ":"))
            return len(text) + sum(text.count(bucket) * max(0, 63 - len(bucket)) for bucket in made)

        for policy in template.of_type("AWS::IAM::ManagedPolicy").values():
            assert length(policy["PolicyDocument"]) < 6144
        for role in template.of_type("AWS::IAM::Role").values():
            inline = [each["PolicyDocument"] for each in role.get("Policies", [])]
            assert sum(map(length, inline)) < 10_240
