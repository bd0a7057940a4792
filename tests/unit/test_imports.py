"""Decisions are pure: the modules that make them reach no AWS, no database, no files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = [
    "functions/clock.py",
    "functions/cron.py",
    "functions/errors.py",
    "functions/given.py",
    "functions/health.py",
    "functions/model.py",
    "functions/summary.py",
    "functions/naming.py",
    "functions/verdict.py",
    "functions/aurora/chunks.py",
    "functions/aurora/comparison.py",
    "functions/aurora/digest.py",
    "functions/aurora/definitions.py",
    "functions/aurora/exercise.py",
    "functions/aurora/fingerprint.py",
    "functions/aurora/health.py",
    "functions/aurora/integrity.py",
    "functions/aurora/integrity_checks.py",
    "functions/aurora/judging.py",
    "functions/aurora/manifest.py",
    "functions/aurora/protection.py",
    "functions/aurora/restorability.py",
    "functions/aurora/row_check.py",
    "functions/aurora/sandwich.py",
    "functions/aurora/schema.py",
    "functions/aurora/sequences.py",
    "functions/aurora/units.py",
    "functions/aurora/expectation.py",
    "functions/aurora/plan.py",
    "functions/aurora/summary.py",
    "functions/aurora/values.py",
    "functions/aurora/vocabulary.py",
    "functions/report/build.py",
    "functions/report/chat.py",
    "functions/report/conclude.py",
    "functions/report/markup.py",
    "functions/report/message.py",
    "functions/report/metrics.py",
    "functions/report/timeline.py",
    "functions/report/vocabulary.py",
    "functions/report/words.py",
    "functions/s3_versions/canary.py",
    "functions/s3_versions/configuration.py",
    "functions/s3_versions/documents.py",
    "functions/s3_versions/facts.py",
    "functions/s3_versions/health.py",
    "functions/s3_versions/history.py",
    "functions/s3_versions/listing.py",
    "functions/s3_versions/manifest.py",
    "functions/s3_versions/outcome.py",
    "functions/s3_versions/plan.py",
    "functions/s3_versions/protection.py",
    "functions/s3_versions/shards.py",
    "functions/s3_versions/state_at.py",
    "functions/s3_versions/summary.py",
    "functions/s3_versions/values.py",
    "functions/s3_versions/vocabulary.py",
    "functions/secret_rotation/credential.py",
    "functions/secret_rotation/findings.py",
    "functions/secret_rotation/health.py",
    "functions/secret_rotation/lockout.py",
    "functions/secret_rotation/plan.py",
    "functions/secret_rotation/recoverability.py",
    "functions/secret_rotation/repair.py",
    "functions/secret_rotation/summary.py",
    "functions/secret_rotation/values.py",
    "functions/secret_rotation/vocabulary.py",
    "functions/sweep/told.py",
    "functions/watch/board.py",
    "functions/watch/conditions.py",
    "functions/watch/cost.py",
    "functions/watch/prices.py",
    "functions/watch/due.py",
    "functions/watch/standing.py",
    "functions/watch/calendar.py",
    "functions/watch/expired.py",
    "functions/watch/footprint.py",
    "functions/watch/reminding.py",
    "functions/watch/state.py",
    "functions/watch/metrics.py",
    "functions/watch/watched.py",
    "cli/answer.py",
    "cli/comparing.py",
    "cli/cron_words.py",
    "cli/runs.py",
    "cli/words.py",
]
IMPURE = {"boto3", "botocore", "pg8000", "psycopg", "os", "pathlib", "socket", "subprocess", "time"}
DOORS = {
    "boto3": {
        "functions/aurora/addresses.py",
        "functions/aurora/backups.py",
        "functions/aurora/clusters.py",
        "functions/aurora/database.py",
        "functions/aurora/keys.py",
        "functions/aurora/usage.py",
        "functions/evidence.py",
        "functions/executions.py",
        "functions/ledger.py",
        "functions/report/topic.py",
        "functions/s3_versions/metrics.py",
        "functions/s3_versions/objects.py",
        "functions/secret_rotation/lambdas.py",
        "functions/secret_rotation/rotations.py",
        "functions/secret_rotation/secrets.py",
        "functions/sweep/databases.py",
        "functions/sweep/elsewhere.py",
        "functions/sweep/machines.py",
        "functions/sweep/tagged.py",
        "functions/watch/alarms.py",
        "functions/watch/schedules.py",
        "functions/watch/trail.py",
    },
    "psycopg": {"functions/aurora/database.py"},
    "pg8000": {"functions/secret_rotation/login.py"},
    "urllib.request": {"functions/secret_rotation/probe.py"},
}


def imports(path: Path) -> set[str]:
    """The top-level packages and our own modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = (ROOT / whole.replace(".", "/")).with_suffix(".py").exists()
                found.add(whole if is_module else node.module)
    return found


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_nothing_that_acts(name: str) -> None:
    found = imports(ROOT / name)
    assert not {module.split(".")[0] for module in found} & IMPURE
    ours = {m.replace(".", "/") + ".py" for m in found if m.startswith("functions.")}
    assert ours <= set(PURE)


@pytest.mark.parametrize("package", DOORS)
def test_one_door_per_outside_world(package: str) -> None:
    files = (ROOT / "functions").rglob("*.py")
    through = {
        str(path.relative_to(ROOT))
        for path in files
        if any(f"{module}.".startswith(f"{package}.") for module in imports(path))
    }
    assert through <= DOORS[package]


def test_nothing_under_functions_knows_that_a_lab_exists() -> None:
    for path in (ROOT / "functions").rglob("*.py"):
        assert not {m.split(".")[0] for m in imports(path)} & {"lab", "infra", "tests", "moto"}


def test_the_command_line_stands_on_the_functions_alone() -> None:
    for path in (ROOT / "cli").rglob("*.py"):
        assert not {m.split(".")[0] for m in imports(path)} & {"lab", "infra", "tests", "moto"}


def test_the_command_line_has_one_door_to_aws() -> None:
    through = [path.name for path in (ROOT / "cli").rglob("*.py") if "boto3" in imports(path)]
    assert through == ["access.py"]
