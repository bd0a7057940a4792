"""What a run tells of its source is what drills.yaml calls it: its PASS is the drill's proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions import clock, kinds
from functions.report.build import part, text
from functions.report.conclude import conclude, identify
from functions.watch import standing
from functions.watch.watched import Drill
from infra.config import load
from infra.watched import watched
from tests.unit import test_aurora_summary, test_rotation_summary, test_s3_summary
from tests.unit.test_standing import DRILL, NOVEMBER, NOW, scheduled

CONFIGURATION = load(Path(__file__).parents[2] / "drills.yaml")
OF_KINDS = {
    "aurora": (test_aurora_summary.document(), "cluster"),
    "s3_versions": (test_s3_summary.document(), "bucket"),
    "secret_rotation": (test_rotation_summary.Run().document, "secret"),
}


def entered(document: dict[str, Any]) -> dict[str, Any]:
    """What the report enters into the ledger of what was drilled (functions/report/steps.py)."""
    kind = text(part(document, "drill").get("kind"))
    told = conclude(
        document,
        identity=identify(document, today="20261102"),
        stored={},
        bucket="evidence",
        evidence=[],
        reported_at=clock.render(NOW),
        code={"version": "", "sha256": ""},
        summarize=kinds.summarizer(kind),
        words=kinds.vocabulary(kind),
    )
    return {"kind": told["drill"]["kind"], "source": told["source"]["name"]}


def is_proof(drill: Drill, entry: dict[str, Any]) -> bool:
    return standing.proven_at(drill, [scheduled(NOVEMBER, **entry)], now=NOW) is not None


@pytest.mark.parametrize("kind", OF_KINDS)
@pytest.mark.parametrize("plan", ["as it was", "refused"])
def test_a_run_is_of_the_source_that_its_drill_names(kind: str, plan: str) -> None:
    document, key = OF_KINDS[kind]
    if plan == "refused":
        document = {**document, "plan": {"outcome": "refused"}}
    drill = replace(DRILL, kind=kind, source=document["drill"][key])
    assert is_proof(drill, entered(document))
    assert not is_proof(replace(drill, source="another"), entered(document))


@pytest.mark.parametrize("place", range(len(CONFIGURATION.drills)))
def test_a_drill_of_the_configuration_is_of_what_its_line_is_given(place: int) -> None:
    drill = watched(CONFIGURATION).drills[place]
    given = CONFIGURATION.document(CONFIGURATION.drills[place], own_bucket="drill-x")
    document = {"drill": given, "plan": {"outcome": "refused"}}
    entry = entered(document)
    assert (entry["kind"], entry["source"]) == (drill.kind, drill.source)
    assert is_proof(drill, entry)


def test_a_secret_by_its_arn_is_the_one_that_a_run_tells_by_its_name() -> None:
    document, _ = OF_KINDS["secret_rotation"]
    name = document["plan"]["source"]["name"]
    arn = f"arn:aws:secretsmanager:sa-east-1:123456789012:secret:{name}-AbCdEf"
    drill = replace(DRILL, kind="secret_rotation", source=arn)
    assert is_proof(drill, entered({**document, "drill": {**document["drill"], "secret": arn}}))
    late = scheduled(NOVEMBER + timedelta(hours=1), kind="secret_rotation", source=f"{name}-2")
    assert standing.proven_at(drill, [late], now=NOW) is None
