"""Production that looks like scratch: never touched, whatever signs it bears."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from functions.watch.expired import STACK_TAG
from functions.watch.watched import Source
from tests.steps.sweeper.premises import Premises, Started, tags


def bucket(account: Premises, name: str, given: dict[str, str]) -> None:
    s3 = account.api["s3"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"})
    if given:
        found = [{"Key": key, "Value": value} for key, value in given.items()]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": found})


def secret(account: Premises, name: str, given: dict[str, str]) -> str:
    made = account.api["secretsmanager"].create_secret(
        Name=name,
        SecretString="opens-nothing",
        Tags=[{"Key": key, "Value": value} for key, value in given.items()],
    )
    return str(made["ARN"])


def log_group(account: Premises, cluster: str, given: dict[str, str]) -> None:
    account.api["logs"].create_log_group(
        logGroupName=f"/aws/rds/cluster/{cluster}/postgresql", **({"tags": given} if given else {})
    )


def everything(account: Premises) -> set[str]:
    s3, secrets, logs = (account.api[name] for name in ("s3", "secretsmanager", "logs"))
    return {
        *account.left(),
        *(each["Name"] for each in s3.list_buckets()["Buckets"]),
        *(each["Name"] for each in secrets.list_secrets()["SecretList"]),
        *(each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]),
    }


def of_every_kind(account: Premises, name: str, given: dict[str, str]) -> set[str]:
    """A copy, its snapshot, a secret, a bucket and a log of that name; what appeared."""
    before = everything(account)
    account.cluster(name, given)
    account.snapshot(f"{name}-snapshot", name, given)
    secret(account, f"{name}-secret", given)
    bucket(account, f"{name}-bucket", given)
    log_group(account, f"{name}-gone", given)
    return everything(account) - before


def some_signs(started: Started) -> list[tuple[str, dict[str, str]]]:
    """Every combination of the signs of scratch, but for all of them together."""
    all_tags = tags(started)
    found = []
    for number, present in enumerate(itertools.product([True, False], repeat=4)):
        prefix, *kept = present
        if all(present):
            continue
        name = f"{'drill-' if prefix else 'prod-'}{number}-{started.run}"
        found.append(
            (name, {key: all_tags[key] for key, keep in zip(all_tags, kept, strict=True) if keep})
        )
    return found


def test_every_combination_of_signs_but_the_whole(account: Premises) -> None:
    dead = account.died()
    for name, given in some_signs(dead):
        of_every_kind(account, name, given)
    before = everything(account)
    answer = account.sweep()
    assert everything(account) == before
    assert (answer["expired"], answer["asked"]) == (0, 0)
    assert answer["untagged"] == 7 * 4 + answer["refused"] + len(account.told()["others"])
    assert answer["refused"] == 4 * 3
    assert len(account.told()["others"]) == 4 * 2  # the emulator's index has no secrets


def test_all_the_signs_together_are_scratch(account: Premises) -> None:
    dead = account.died()
    before = everything(account)
    of_every_kind(account, dead.cluster, tags(dead))
    assert account.sweep()["asked"] == 6
    assert everything(account) == before | {"evidence-of-drills"}
    assert account.sweep()["gone"] == 6


def test_a_source_with_all_the_signs_is_refused(account: Premises) -> None:
    """Its name is in the watch list, and that is enough."""
    dead = account.died()
    names = of_every_kind(account, dead.cluster, tags(dead))
    account.sources = [
        Source(kind="aurora", name=dead.cluster),
        Source(kind="aurora", name=f"{dead.cluster}-snapshot"),
        Source(kind="s3_versions", name=f"{dead.cluster}-bucket"),
        Source(kind="secret_rotation", name=f"{dead.cluster}-secret"),
        Source(kind="aurora", name=f"{dead.cluster}-gone"),
    ]
    answer = account.sweep()
    assert names <= everything(account)
    assert (answer["asked"], answer["refused"], answer["untagged"]) == (0, 6, 6)


def test_the_retained_backup_of_a_source_is_refused(account: Premises) -> None:
    """Whoever lost the cluster has nothing else."""
    dead = account.died()
    account.cluster(dead.cluster, {}, instance=False)
    kept = account.retained(dead.cluster, tags(dead))
    account.cluster("production", {}, instance=False)
    others = account.retained("production", tags(dead))
    account.sources = [Source(kind="aurora", name=dead.cluster)]
    assert account.sweep()["asked"] == 0
    assert account.left() == {kept, others}


def test_a_source_that_is_named_by_its_arn_is_refused(account: Premises) -> None:
    dead = account.died()
    arn = secret(account, dead.cluster, tags(dead))
    account.sources = [Source(kind="secret_rotation", name=arn)]
    assert account.sweep()["refused"] == 1
    assert dead.cluster in everything(account)


@pytest.mark.parametrize("kind", ["secret", "bucket", "cluster"])
def test_what_the_stack_made_is_no_scratch(account: Premises, kind: str) -> None:
    """The standing secret of a rehearsal has a drill's name, the stack's tag, and no expiry."""
    dead = account.died()
    make: dict[str, Any] = {"secret": secret, "bucket": bucket, "cluster": Premises.cluster}
    stacks = {STACK_TAG: "backup-drills"}
    make[kind](account, "drill-rotation-monthly", stacks)
    make[kind](account, f"{dead.cluster}-x", {**tags(dead), **stacks})
    before = everything(account)
    answer = account.sweep()
    assert everything(account) == before
    assert set(answer.values()) == {0}


def test_the_standing_secret_has_no_expiry_and_is_told_without_the_stacks_tag(
    account: Premises,
) -> None:
    secret(account, "drill-rotation-monthly", {})
    assert account.sweep()["untagged"] == 1
    assert "drill-rotation-monthly" in everything(account)


def test_an_instance_of_production_with_all_the_signs_stays(account: Premises) -> None:
    dead = account.died()
    account.cluster("production", {})
    account.instance(f"{dead.cluster}-1", "production", tags(dead))
    before = account.left()
    answer = account.sweep()
    assert account.left() == before
    assert (answer["asked"], answer["refused"]) == (0, 1)


def test_a_cluster_with_a_member_of_production_stays(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    account.instance("production-1", dead.cluster, {})
    answer = account.sweep()
    copy = {dead.cluster, f"{dead.cluster}-1"}
    assert account.left() == {*copy, "production-1"}
    assert (answer["asked"], answer["held"]) == (0, 2)
    assert account.names("held") == copy


@pytest.mark.parametrize("what", ["version", "marker", "upload"])
def test_a_bucket_that_is_not_empty_stays(account: Premises, what: str) -> None:
    dead = account.died()
    bucket(account, dead.cluster, tags(dead))
    s3 = account.api["s3"]
    s3.put_bucket_versioning(Bucket=dead.cluster, VersioningConfiguration={"Status": "Enabled"})
    if what == "version":
        s3.put_object(Bucket=dead.cluster, Key="somebody's", Body=b"x")
    elif what == "marker":
        s3.delete_object(Bucket=dead.cluster, Key="somebody's")
    else:
        s3.create_multipart_upload(Bucket=dead.cluster, Key="somebody's")
    answer = account.sweep()
    assert dead.cluster in everything(account)
    assert (answer["held"], answer["expired"], answer["asked"]) == (1, 1, 0)


def test_a_secret_that_another_service_owns_stays(account: Premises) -> None:
    dead = account.died()
    secret(account, dead.cluster, tags(dead))
    account.emulator.secrets.own(dead.cluster, "rds")
    assert account.sweep()["held"] == 1
    assert dead.cluster in everything(account)


def test_a_log_group_stays_while_its_cluster_is_there(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead), instance=False)
    log_group(account, dead.cluster, tags(dead))
    group = f"/aws/rds/cluster/{dead.cluster}/postgresql"
    assert account.sweep()["held"] == 1
    assert group in everything(account)
    account.sweep()
    assert group not in everything(account)


def test_a_log_group_without_tags_is_told_once_its_cluster_is_gone(account: Premises) -> None:
    """RDS makes them, and gives them no tags."""
    dead = account.died()
    account.cluster(dead.cluster, tags(dead), instance=False)
    log_group(account, dead.cluster, {})
    account.sweep()
    assert account.told()["untagged"] == []
    account.sweep()
    told = account.told()
    assert [each["handle"] for each in told["untagged"]] == [
        f"/aws/rds/cluster/{dead.cluster}/postgresql"
    ]
    assert told["counts"]["untagged"] == 0


def test_what_bears_the_tag_and_is_of_another_type_is_told(account: Premises) -> None:
    dead = account.died()
    account.api["logs"].create_log_group(logGroupName="elsewhere", tags=tags(dead))
    account.cluster(dead.cluster, tags(dead), instance=False)
    account.sweep()
    assert [arn.rpartition(":")[2] for arn in account.told()["others"]] == ["elsewhere"]
    assert account.told()["counts"]["untagged"] == 1


def test_a_tagged_bucket_with_another_name_is_told_and_counted(account: Premises) -> None:
    bucket(account, "prod-files", tags(account.died()))
    answer = account.sweep()
    assert account.told()["others"] == ["arn:aws:s3:::prod-files"]
    assert (answer["untagged"], answer["asked"]) == (1, 0)
