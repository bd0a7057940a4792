"""What is watched, when it starts, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.config import ConfigurationError, load
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import synthesized
from tests.infra.samples import configuration, content

ROOT = Path(__file__).parents[2]
HOUR = 3600


def test_every_source_is_watched_once_and_every_drill() -> None:
    from infra.watched import watched

    found = watched(load(ROOT / "drills.yaml"))
    assert (found.stack, found.schedule_group) == ("backup-drills", "drill-backup-drills")
    assert [(source.kind, source.name) for source in found.sources] == [
        ("aurora", "fibonacci-aurora-cluster-prod"),
        ("s3_versions", "fibonacci-files-prod"),
        ("secret_rotation", "fibonacci-aurora-cluster-prod-app"),
    ]
    monthly = found.drills[0]
    assert (monthly.name, monthly.kind, monthly.source) == (
        "aurora-prod-monthly",
        "aurora",
        "fibonacci-aurora-cluster-prod",
    )
    assert (monthly.machine, monthly.schedule) == ("drill-aurora-prod-monthly",) * 2
    assert (monthly.cron, monthly.timezone) == ("0 5 ? * 2#1 *", "America/Sao_Paulo")
    assert (monthly.at, monthly.retention_days) == ("latest", 7)
    assert [drill.at for drill in found.drills] == ["latest", "random", "", ""]


def test_a_drill_is_not_overdue_while_it_may_still_be_running() -> None:
    """Within its own deadlines, its window, and the two hours that the Scheduler tries."""
    from infra.watched import watched

    long = {
        "deadlines": {
            "restorable": "1h",
            "restore": "10h",
            "instance": "1h",
            "verify": "5h",
            "teardown": "1h",
        },
        "timing": {"poll": "1m"},
        "schedule": {"cron": "0 5 1 * ? *", "timezone": "UTC", "window": "3h"},
    }
    usual, slow = watched(configuration({}, {"name": "slow", **long})).drills
    assert usual.grace_seconds == 12 * HOUR
    assert slow.grace_seconds == (1 + 10 + 1 + 5 + 1 + 3 + 2) * HOUR
    (patient,) = watched(configuration({}, watch={"grace": "2d"})).drills
    assert patient.grace_seconds == 48 * HOUR


def test_a_schedule_has_its_window_and_the_reminder_its_time(tmp_path: Path) -> None:
    written = content(
        {
            "kind": "s3_versions",
            "schedule": {"cron": "0 5 1 * ? *", "timezone": "UTC", "window": "90m"},
        },
        watch={"reminder": {"at": "07:30", "timezone": "America/Sao_Paulo"}},
    )
    (tmp_path / "drills.yaml").write_text(json.dumps(written))
    template = resolve(synthesized(tmp_path / "drills.yaml", tmp_path))
    found = {each["Name"]: each for each in template.of_type("AWS::Scheduler::Schedule").values()}
    assert found["drill-files"]["FlexibleTimeWindow"] == {
        "MaximumWindowInMinutes": 90,
        "Mode": "FLEXIBLE",
    }
    assert found["collector"]["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["reminder"]["ScheduleExpression"] == "cron(30 7 * * ? *)"
    assert found["reminder"]["ScheduleExpressionTimezone"] == "America/Sao_Paulo"


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [
        ("infra.schedules.MOST_INPUT_BYTES", 500, r"bytes to watch: expected .* at most 500 bytes"),
        (
            "infra.stack.MOST_RESOURCES",
            100,
            r"\d+ resources: expected at most 100.* in another region or account",
        ),
        ("infra.rules.LONGEST_PATTERN", 300, r"the names of buckets: expected shorter ones"),
        ("infra.rules.MOST_RULES", 2, r"functions: expected fewer networks"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, told: str
) -> None:
    import infra.stack  # noqa: F401 - loads what is patched

    monkeypatch.setattr(limit, value)
    (tmp_path / "drills.yaml").write_text(json.dumps(content({"kind": "s3_versions"})))
    with pytest.raises(ConfigurationError, match=told):
        synthesized(tmp_path / "drills.yaml", tmp_path)


def test_the_list_tells_the_watch_s_own_schedules_as_they_are_deployed(template: Template) -> None:
    deployed = {
        each["Name"]: each for each in template.of_type("AWS::Scheduler::Schedule").values()
    }
    handed = {
        json.dumps(json.loads(deployed[name]["Target"]["Input"])["watched"]["schedules"])
        for name in ("collector", "reminder", "sweeper")
    }
    (told,) = map(json.loads, handed)
    assert [each["name"] for each in told] == ["collector", "sweeper", "reminder"]
    for each in told:
        schedule = deployed[each["name"]]
        assert schedule["ScheduleExpression"] == each["expression"]
        assert schedule["ScheduleExpressionTimezone"] == each["timezone"]
        assert schedule["State"] == "ENABLED"
