"""The collector with the real kinds, over the shipped drills.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.watch import state
from functions.watch.collector import collect
from infra.config import load
from infra.watched import watched
from tests.steps.watch.deployment import Context, Deployment

WATCHED = watched(load(Path(__file__).parents[3] / "drills.yaml"))


def test_an_account_in_which_nothing_is_there_is_told_source_by_source(
    deployment: Deployment,
) -> None:
    answer = collect(deployment.watched(WATCHED), Context())
    told = state.read(deployment.evidence.get_json(state.STATE_KEY))
    assert answer["sources"] == len(WATCHED.sources)
    assert all(source["findings"] for source in told["sources"])
    unforeseen = ("AttributeError", "KeyError", "TypeError", "LookupError", "ModuleNotFound")
    texts = [item.text for item in state.open_items(told)]
    assert [text for text in texts if any(f": {name}" in text for name in unforeseen)] == []
    assert [drill["findings"] for drill in told["drills"]] == [[]] * len(WATCHED.drills)


@pytest.mark.parametrize("service", ["rds", "s3", "secretsmanager"])
def test_a_service_that_refuses_everything_costs_nobody_else(
    deployment: Deployment, service: str
) -> None:
    event = deployment.watched(WATCHED)
    kind = {"rds": "aurora", "s3": "s3_versions", "secretsmanager": "secret_rotation"}[service]
    deployment.deny(service, but=deployment.settings.evidence_bucket)
    collect(event, Context())
    deployment.emulator.before_call.clear()
    told = state.read(deployment.evidence.get_json(state.STATE_KEY))
    for source in told["sources"]:
        conditions = {finding["condition"] for finding in source["findings"]}
        assert ("unreadable" in conditions) is (source["kind"] == kind), source["name"]
