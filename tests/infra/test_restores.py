"""Restores of whole buckets: no machine unless it is asked for, and no write but where it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.contradictions import MOST_RESTORES
from lab.iam import Iam, World
from lab.policies import Context, Request, Role
from tests.infra import destructive
from tests.infra.bucket_calls import S3Call, deletes, lists, reads, writes
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.samples import DEPLOYMENT, content
from tests.infra.test_buckets_guard import done_by
from tests.infra.test_buckets_guard import writes as writing
from tests.infra.test_guard import FORGED, dangers, not_denied
from tests.infra.test_permissions import Call
from tests.infra.test_rotation_guard import boundary
from tests.infra.test_synth import IGNORED

ROOT = Path(__file__).parents[2]
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f"
RESTORES: list[dict[str, Any]] = [
    {"bucket": "files-there", "to": "files-restored", "kms_key": KEY},
    {"bucket": "files.here", "in_place": True},
    {"bucket": "files-undelete", "in_place": True, "undelete": True},
]
SHARD = "drill-restore-shard"
STATES = "arn:aws:states:sa-east-1:123456789012"
MACHINES = {
    "files-there": "drill-restore-files-there",
    "files.here": "drill-restore-files-here-d8b1369c",
    "files-undelete": "drill-restore-files-undelete",
}
WRITES = {
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:PutObject",
    "s3:PutObjectTagging",
}


def arn(bucket: str, key: str = "") -> str:
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A stack that may restore three buckets: one elsewhere, two in place, one undeleted."""
    folder = tmp_path_factory.mktemp("restores")
    written = content({}, {"kind": "s3_versions"}, restore_buckets=RESTORES)
    (folder / "drills.yaml").write_text(json.dumps(written))
    return synthesized(folder / "drills.yaml", folder)


@pytest.fixture(scope="module")
def restoring(raw: dict[str, Any]) -> Template:
    """The same, resolved."""
    return resolve(raw)


@pytest.fixture(scope="module")
def may(restoring: Template) -> dict[str, Role]:
    """What every function of the restores may do."""
    return {
        name: role
        for name, role in roles_of_functions(restoring, roles_in(restoring)).items()
        if name.startswith("drill-restore-")
    }


@pytest.fixture(scope="module")
def machines(restoring: Template) -> dict[str, Role]:
    """What every machine of the restores may do, by its name."""
    roles = {restoring.arn(name): role for name, role in roles_in(restoring).items()}
    return {
        each["StateMachineName"]: roles[each["RoleArn"]]
        for each in restoring.of_type("AWS::StepFunctions::StateMachine").values()
        if each["StateMachineName"].startswith("drill-restore-")
    }


@pytest.fixture(scope="module")
def everything(restoring: Template) -> Role:
    """What a role that may do everything may do below the boundary of the restores."""
    return boundary(restoring, "RestoresBoundary")


def test_there_is_no_machine_unless_it_is_asked_for(template: Template) -> None:
    assert not [name for name in template.resources if name.startswith("Restores")]
    assert not [text for text in template.strings() if "drill-restore-" in text]


def test_cfn_lint_has_nothing_to_say(raw: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(json.dumps(raw))
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [linter, "--ignore-checks", *IGNORED, "--", tmp_path / "template.json"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout + outcome.stderr) == (0, "")


def test_their_handlers_exist(restoring: Template) -> None:
    """By file and name: importing them would need what only a function has."""
    handlers = [
        each["Handler"]
        for each in restoring.of_type("AWS::Lambda::Function").values()
        if each["FunctionName"].startswith("drill-restore-")
    ]
    assert len(handlers) == 3
    for handler in handlers:
        module, _, name = handler.rpartition(".")
        source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert f"\ndef {name}(" in source, handler


def test_each_bucket_has_a_machine_that_nothing_starts(
    restoring: Template, machines: dict[str, Role]
) -> None:
    assert set(machines) == set(MACHINES.values())
    started = [
        each["Target"]["Arn"] for each in restoring.of_type("AWS::Scheduler::Schedule").values()
    ]
    assert not [target for target in started if "drill-restore-" in target]
    for machine in restoring.of_type("AWS::StepFunctions::StateMachine").values():
        if machine["StateMachineName"] in machines:
            assert set(machine["DefinitionSubstitutions"]) == {
                "Partition",
                "PlanFunction",
                "ShardFunction",
                "CollectFunction",
            }
            assert machine["LoggingConfiguration"]["Level"] == "ALL"


def test_what_is_read_is_not_written_but_where_it_is_restored_in_place(
    may: dict[str, Role],
) -> None:
    """A version that is archived may be asked back: a copy of it is made for some days."""
    assert writing(done_by(may, arn("files-there", "a"))) == {"s3:RestoreObject": {SHARD}}
    restored = writing(done_by(may, arn("files-restored", "a")))
    assert restored == {action: {SHARD} for action in WRITES}
    here = writing(done_by(may, arn("files.here", "a")))
    assert here == {action: {SHARD} for action in (*WRITES, "s3:RestoreObject")}
    undeleted = writing(done_by(may, arn("files-undelete", "a")))
    assert undeleted == {**here, "s3:DeleteObjectVersion": {SHARD}}


def test_no_bucket_is_reconfigured_and_no_other_is_touched(may: dict[str, Role]) -> None:
    for bucket in ("files-there", "files-restored", "files.here", "files-undelete"):
        assert writing(done_by(may, arn(bucket))) == {}, bucket
    for target in (arn("company-files"), arn("company-files", "a"), arn("files-other", "a")):
        assert done_by(may, target) == {}, target


def test_the_boundary_forbids_all_dangers_and_writes_elsewhere(everything: Role) -> None:
    assert [danger for danger in dangers() if everything.allows(Request(*danger))] == []
    for bucket in ("files-there", "files-restored", "files.here", "files-undelete"):
        for context in ({}, FORGED):
            asked = [Request(action, arn(bucket), context) for action in destructive.s3()]
            assert [each for each in asked if everything.allows(each)] == []
    below = {
        bucket: {a for a in destructive.s3() if everything.allows(Request(a, arn(bucket, "a")))}
        for bucket in ("files-there", "files-restored", "files.here", "files-undelete")
    }
    assert below == {
        "files-there": {"s3:RestoreObject"},
        "files-restored": WRITES,
        "files.here": {*WRITES, "s3:RestoreObject"},
        "files-undelete": {*WRITES, "s3:RestoreObject", "s3:DeleteObjectVersion"},
    }


def test_its_denies_hold_even_where_somebody_lifts_the_ceiling(everything: Role) -> None:
    assert everything.boundary is not None
    assert not_denied(everything.boundary) == []


def test_the_evidence_of_drills_is_neither_read_nor_ended(
    restoring: Template, may: dict[str, Role], machines: dict[str, Role], everything: Role
) -> None:
    bucket = restoring.arn(restoring.called("AWS::S3::Bucket", "Evidence"))
    for role in (*may.values(), *machines.values()):
        report = f"{bucket}/files/2026/r/report.json"
        assert not role.allows(Request("s3:PutObject", report))
        assert not role.allows(Request("s3:GetObject", report))
        for action in destructive.S3_CONFIGURATION_AND_ENDS:
            folder = f"{bucket}/restores/files-there/e/a"
            uploads = action == "s3:AbortMultipartUpload" and role in machines.values()
            assert role.allows(Request(action, folder)) is uploads, action
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:RestoreObject"):
        assert not everything.allows(Request(action, f"{bucket}/restores/files-there/e/a"))


def test_a_machine_calls_its_functions_and_runs_its_own_map(
    restoring: Template, machines: dict[str, Role]
) -> None:
    bucket = restoring.arn(restoring.called("AWS::S3::Bucket", "Evidence"))
    function = "arn:aws:lambda:sa-east-1:123456789012:function"
    for name, role in machines.items():
        child = f"{STATES}:execution:{name}/Plans:a"
        needed = (
            ("states:StartExecution", f"{STATES}:stateMachine:{name}"),
            ("states:DescribeExecution", child),
            ("states:StopExecution", child),
            ("states:RedriveExecution", child),
            ("lambda:InvokeFunction", f"{function}:{SHARD}"),
            ("s3:GetObject", f"{bucket}/restores/files-there/e/shards.json"),
            ("s3:PutObject", f"{bucket}/restores/files-there/e/plan/r/manifest.json"),
        )
        assert [each for each in needed if not role.allows(Request(*each))] == []
        for other in set(MACHINES.values()) - {name}:
            assert not role.allows(
                Request("states:StartExecution", f"{STATES}:stateMachine:{other}")
            )
            assert not role.allows(
                Request("states:StopExecution", f"{STATES}:execution:{other}/Plans:a")
            )
        assert not role.allows(Request("lambda:InvokeFunction", f"{function}:drill-s3-teardown"))
        for target in (arn("files-there", "a"), arn("files-restored", "a")):
            assert done_by({name: role}, target) == {}


def test_the_functions_may_make_their_calls(restoring: Template, may: dict[str, Role]) -> None:
    proof = restoring.called("AWS::S3::Bucket", "Evidence")
    (evidence_key,) = restoring.of_type("AWS::KMS::Key")
    keys = {
        arn("files-there"): KEY,
        arn("files-restored"): KEY,
        arn(proof): restoring.arn(evidence_key),
    }
    world = World(region="sa-east-1", account="123456789012", key_of=keys.get)
    folder = "restores/files-there/e/"

    def get(name: str) -> S3Call:
        return "s3", "GetObject", {"Bucket": proof, "Key": f"{folder}{name}"}

    def put(name: str, **more: str) -> S3Call:
        return "s3", "PutObject", {"Bucket": proof, "Key": f"{folder}{name}", **more}

    marker = {"Key": "a", "ETag": "a"}
    noted = put("apply/parts/00000-0001.jsonl.gz", Tagging="retention=manifest")
    told = [get("plan/shards/00000.json"), put("apply/shards/00000.json"), noted]
    begun = "uploads/parts/00000-1a2b.json"
    copied = "copies/parts/00000-0001.json"
    kept = [
        *(put(name, Tagging="retention=manifest") for name in (begun, copied)),
        ("s3", "ListObjectsV2", {"Bucket": proof, "Prefix": f"{folder}uploads/parts/00000-"}),
        *(get(name) for name in (begun, copied)),
    ]
    versioning: S3Call = ("s3", "GetBucketVersioning", {"Bucket": "files-restored"})
    watched: list[S3Call] = [
        ("s3", operation, {"Bucket": bucket})
        for operation in ("GetBucketVersioning", "ListMultipartUploads")
        for bucket in ("files-restored", "files.here", "files-undelete")
    ]
    made: dict[str, list[S3Call]] = {
        "drill-restore-plan": [*lists("files-there", "a/"), versioning, put("shards.json")],
        SHARD: [
            *lists("files-there", "a/"),
            *reads("files-there", "a"),
            *lists("files-restored", "a/"),
            *reads("files-restored", "a"),
            *writes("files-restored", "a", source="files-there"),
            *deletes("files-restored", marker),
            ("s3", "RestoreObject", {"Bucket": "files-there", "Key": "a", "VersionId": "1"}),
            *watched,
            *kept,
            *writes("files.here", "a"),
            *deletes("files.here", marker),
            *deletes("files-undelete", {"Key": "a", "VersionId": "1"}),
            *told,
        ],
        "drill-restore-collect": [*told, ("s3", "ListObjectsV2", {"Bucket": proof})],
    }
    assert set(made) == set(may)
    iam = Iam(roles=may, world=world)
    refused = [
        (name, operation, str(request))
        for name, calls in made.items()
        for service, operation, parameters in calls
        if (
            request := iam.refused(
                Call(role=name, service=service, operation=operation, parameters=parameters)
            )
        )
    ]
    assert refused == []


def test_the_key_is_used_through_s3_alone(may: dict[str, Role]) -> None:
    through: Context = {"kms:ViaService": "s3.sa-east-1.amazonaws.com"}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        using = {name for name, role in may.items() if role.allows(Request(action, KEY, through))}
        assert using == {SHARD}
        assert not any(role.allows(Request(action, KEY)) for role in may.values())


def test_the_policies_fit_iam_s_limits_with_as_many_restores_as_may_be_configured(
    tmp_path: Path,
) -> None:
    restores = [
        {
            "bucket": f"r{number}".ljust(63, "x"),
            "to": f"w{number}".ljust(63, "x"),
            "kms_key": f"{KEY[:-1]}{number}",
        }
        for number in range(MOST_RESTORES)
    ]
    in_place = [
        {"bucket": restore["bucket"], "in_place": True, "undelete": True} for restore in restores
    ]
    for name, configured in (("elsewhere", restores), ("in-place", in_place)):
        folder = tmp_path / name
        folder.mkdir()
        written = content(deployment={**DEPLOYMENT, "stack": "s" * 40}, restore_buckets=configured)
        (folder / "drills.yaml").write_text(json.dumps(written))
        template = resolve(synthesized(folder / "drills.yaml", folder))
        for policy in template.of_type("AWS::IAM::ManagedPolicy").values():
            text = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
            assert len(text) + 3 * 63 < 6144
        for role in template.of_type("AWS::IAM::Role").values():
            text = json.dumps(role.get("Policies", []), separators=(",", ":"))
            assert len(text) + 10 * 63 < 10_240
