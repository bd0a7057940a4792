"""The sweeper deletes what has expired, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from functions import clock, naming
from functions.aurora import clusters
from functions.settings import Settings
from functions.watch import sweeper
from functions.watch.expired import Scratch, decide, is_expired

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
PAST, FUTURE = "2026-11-02T11:59:59Z", "2026-11-02T12:00:01Z"


def scratch(name: str, expires: str = PAST, **others: Any) -> Scratch:
    tags = naming.tags("20261102-1a2b3c", expires)
    return Scratch(**{"name": name, "status": "available", "tags": tags, **others})


@pytest.mark.parametrize(
    ("found", "expired"),
    [
        (scratch("drill-a"), True),
        (scratch("drill-a", FUTURE), False),
        (scratch("drill-a", "yesterday"), False),
        (scratch("drill-a", "2026-11-02T11:59:59"), False),
        (scratch("drill-a", tags={naming.MANAGED_TAG: "true"}), False),
        (scratch("drill-a", tags={naming.EXPIRES_TAG: PAST}), False),
        (scratch("drill-a", tags={naming.MANAGED_TAG: "false", naming.EXPIRES_TAG: PAST}), False),
        (scratch("production"), False),
        (scratch("a-drill-a"), False),
    ],
)
def test_only_prefix_tag_and_a_passed_expiry_together(found: Scratch, expired: bool) -> None:
    assert is_expired(found, NOW) is expired


def test_what_is_already_on_its_way_is_counted_but_not_asked_for_again() -> None:
    sweep = decide(
        clusters=[scratch("drill-a", status="deleting", members=("drill-a-1",))],
        instances=[scratch("drill-a-1", status="deleting")],
        now=NOW,
    )
    assert (sweep.instances, sweep.clusters) == ((), ())
    assert sweep.expired == ("drill-a-1", "drill-a")


def test_a_cluster_with_a_member_that_is_not_ours_stays() -> None:
    found = scratch("drill-a", members=("drill-a-1", "production-1"))
    sweep = decide(
        clusters=[found],
        instances=[scratch("drill-a-1"), scratch("production-1", tags={})],
        now=NOW,
    )
    assert sweep.clusters == ()


names = st.sampled_from(["drill-a", "drill-b-1", "production", "drill", "x-drill-a"])
tags = st.dictionaries(
    st.sampled_from([naming.MANAGED_TAG, naming.EXPIRES_TAG, naming.RUN_TAG, "team"]),
    st.sampled_from(["true", "false", PAST, FUTURE, "", "soon"]),
)
anything = st.builds(
    Scratch,
    name=names,
    status=st.sampled_from(["available", "deleting", "creating"]),
    tags=tags,
    members=st.lists(names, max_size=2).map(tuple),
)


@given(st.lists(anything), st.lists(anything))
def test_whatever_there_is_nothing_else_is_ever_chosen(
    clusters: list[Scratch], instances: list[Scratch]
) -> None:
    sweep = decide(clusters=clusters, instances=instances, now=NOW)
    for chosen, there in ((sweep.clusters, clusters), (sweep.instances, instances)):
        for name in chosen:
            assert name.startswith("drill-")
            assert any(each.name == name and is_expired(each, NOW) for each in there)


@pytest.fixture
def rds(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    wiring = Settings(
        evidence_bucket="b",
        ledger_table="t",
        topic_arn="a",
        subnet_group="s",
        security_group="g",
        namespace="Drills",
    )
    for name, value in wiring.to_environment().items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        clusters._rds.cache_clear()
        yield boto3.client("rds")
    clusters._rds.cache_clear()


def make(rds: Any, name: str, expires: datetime | None) -> None:
    """A cluster with an instance; a drill's if it has an expiry."""
    made = naming.tags("r", clock.render(expires)) if expires else {}
    given = [{"Key": key, "Value": value} for key, value in made.items()]
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        MasterUsername="owner",
        MasterUserPassword="not-a-secret",
        Tags=given,
    )
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-1",
        DBClusterIdentifier=name,
        DBInstanceClass="db.serverless",
        Engine="aurora-postgresql",
        Tags=given,
    )


def left(rds: Any) -> set[str]:
    found = {each["DBClusterIdentifier"] for each in rds.describe_db_clusters()["DBClusters"]}
    instances = rds.describe_db_instances()["DBInstances"]
    return found | {each["DBInstanceIdentifier"] for each in instances}


def test_a_sweep(rds: Any, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    make(rds, "production", None)
    make(rds, "drill-running", now + timedelta(hours=1))
    make(rds, "drill-dead", now - timedelta(hours=1))
    make(rds, "undrilled", now - timedelta(hours=1))

    answer = sweeper.sweep({}, object())

    assert answer == {"expired": 2, "asked_to_delete": 2}
    assert "drill-dead-1" not in left(rds)
    sweeper.sweep({}, object())  # of what AWS did not let go the first time
    kept = {"production", "drill-running", "undrilled"}
    assert left(rds) == kept | {f"{name}-1" for name in kept}
    metrics = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    ]
    assert metrics[0]["ExpiredScratch"] == [2.0]
    (declared,) = metrics[0]["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == "Drills"
    assert declared["Dimensions"] == [[]]


def test_what_cannot_be_deleted_does_not_keep_the_rest(
    rds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("drill-a", "drill-b"):
        make(rds, name, datetime.now(UTC) - timedelta(hours=1))
    asked = []

    def delete(name: str) -> None:
        asked.append(name)
        if name == "drill-a-1":
            raise sweeper.TryAgain("it is being modified")

    monkeypatch.setattr(sweeper.clusters, "delete_instance", delete)
    monkeypatch.setattr(sweeper.clusters, "delete_cluster", delete)
    with pytest.raises(sweeper.SweepFailed, match="could not delete drill-a-1"):
        sweeper.sweep({}, object())
    assert asked == ["drill-a-1", "drill-b-1", "drill-a", "drill-b"]
