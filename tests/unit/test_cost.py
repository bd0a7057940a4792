"""What drills cost: by hand, and by the worked example of a restore of 100 GB."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.watch import cost
from functions.watch.prices import PRICES
from tests.unit import report_samples as samples
from tests.unit import watch_samples

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
AURORA, FILES, ROTATION = watch_samples.WATCHED.drills
PHASES = {
    "witnessed": 40.0,
    "restorable": 290.0,
    "accepted": 60.0,
    "cluster available": 540.0,
    "instance available": 360.0,
    "first login": 40.0,
    "verified": 2600.0,
    "torn down": 600.0,
}
"""The cluster stood for 70 minutes, the instance for 60."""

HUNDRED_GB: dict[str, Any] = {
    "kind": "aurora",
    "started_at": "2026-11-02T08:00:00Z",
    "phases": PHASES,
    "usage": {
        "calls": 63,
        "instance_class": "db.serverless",
        "capacity": 2.0,
        "bytes": 100 * cost.GIGABYTE,
    },
}


def dollars(facts: dict[str, Any]) -> dict[str, float]:
    return {line.name: line.dollars for line in cost.of_run(facts)}


def used(**others: Any) -> dict[str, Any]:
    return {**HUNDRED_GB, "usage": {**HUNDRED_GB["usage"], **others}}


def without(*phases: str, **others: Any) -> dict[str, Any]:
    left = {name: seconds for name, seconds in PHASES.items() if name not in phases}
    return {**HUNDRED_GB, "phases": left, **others}


class TestOfARun:
    """An hour at two capacity units over 100 GB: 0.24 for the instance, and 2.44 for a reading."""

    def test_the_worked_example(self) -> None:
        found = dollars(HUNDRED_GB)
        assert found["instance"] == pytest.approx(0.24)
        assert found["storage of the copy"] == pytest.approx(100 * 0.10 / 730 * 70 / 60)
        assert found["reading the copy"] == pytest.approx(100e9 / 8192 * 0.20 / 1e6)  # 2.44
        assert found["reading the source"] == found["reading the copy"]
        assert found["state machine"] == pytest.approx(0.005, abs=0.0001)  # 199 transitions
        assert found["functions"] < 0.05
        assert cost.total(cost.of_run(HUNDRED_GB)) == pytest.approx(5.2, abs=0.1)

    def test_each_line_says_whether_its_price_was_read(self) -> None:
        documented = {line.name: line.documented for line in cost.of_run(HUNDRED_GB)}
        assert documented["instance"] is True
        assert documented["state machine"] is True
        assert documented["storage of the copy"] is False

    def test_an_instance_counts_for_ten_minutes_at_least(self) -> None:
        short = {"accepted": 3.0, "cluster available": 30.0, "instance available": 50.0}
        found = dollars({**HUNDRED_GB, "phases": short})
        assert found["instance"] == pytest.approx(2 * 0.12 / 6)

    def test_a_run_that_made_no_cluster_has_none_to_pay_for(self) -> None:
        found = dollars({**HUNDRED_GB, "phases": {"witnessed": 40.0}})
        assert set(found) == {
            "state machine",
            "functions",
            "calls of functions",
            "reading the source",
        }

    def test_one_whose_cluster_never_came_has_no_instance(self) -> None:
        found = dollars({**HUNDRED_GB, "phases": {"accepted": 60.0, "torn down": 600.0}})
        assert "instance" not in found
        assert "storage of the copy" in found
        assert "reading the copy" not in found

    def test_one_that_witnessed_nothing_did_not_read_the_source(self) -> None:
        found = dollars(without("witnessed"))
        assert "reading the source" not in found
        assert "reading the copy" in found

    @pytest.mark.parametrize(
        ("instance_class", "larges"),
        [("db.t4g.medium", 0.5), ("db.r7g.large", 1), ("db.r7g.4xlarge", 8)],
    )
    def test_a_provisioned_instance_goes_by_its_size(
        self, instance_class: str, larges: float
    ) -> None:
        found = dollars(used(instance_class=instance_class, capacity=None))
        assert found["instance"] == pytest.approx(PRICES.aurora_large.dollars * larges)

    def test_an_entry_of_an_older_version_counts_with_the_default(self) -> None:
        old = {name: value for name, value in HUNDRED_GB.items() if name != "usage"}
        found = dollars(old)
        assert found["instance"] == pytest.approx(4 * 0.12)
        assert "storage of the copy" not in found

    def test_objects_go_by_their_number(self) -> None:
        few = dollars({"kind": "s3_versions", "usage": {"calls": 9, "objects": 40}})
        assert few["writing objects"] == pytest.approx(40 * 3 * 0.005 / 1000)
        many = dollars({"kind": "s3_versions", "usage": {"calls": 9, "objects": 100_000}})
        assert many["writing objects"] == pytest.approx(1.5)
        assert many["reading objects"] == pytest.approx(0.12)

    def test_a_rotation_is_nearly_free(self) -> None:
        facts = {"kind": "secret_rotation", "phases": {"verified": 30.0}, "usage": {"calls": 12}}
        assert 0 < cost.total(cost.of_run(facts)) < 0.01

    @pytest.mark.parametrize(
        "facts",
        [
            {},
            {"kind": "aurora"},
            {"kind": "aurora", "phases": None, "usage": []},
            {"kind": "aurora", "phases": {"verified": None, "accepted": "long"}},
            {"kind": "aurora", "phases": {"accepted": -5, "cluster available": True}},
            {"kind": "s3_versions", "usage": {"objects": "many", "calls": None}},
            {"kind": "unheard of", "usage": {"calls": -1}},
        ],
    )
    def test_whatever_an_entry_lacks_is_no_error(self, facts: dict[str, Any]) -> None:
        assert 0 < cost.total(cost.of_run(facts)) < 0.01


class TestUsage:
    """What the report enters into the ledger for the estimate."""

    def test_of_a_whole_document(self) -> None:
        document = samples.passed().whole()
        document["drill"] |= {"instance_class": "db.r7g.large", "capacity": {"max": 4.0}}
        document["witness"] |= {"bytes": 5, "calls": 7}
        assert cost.usage(document) == {
            "calls": 7 + len(document["verify_units"]),
            "instance_class": "db.r7g.large",
            "capacity": 4.0,
            "bytes": 5,
        }

    def test_of_objects(self) -> None:
        assert cost.usage({"exercise": {"objects": 40, "calls": 2}}) == {"calls": 2, "objects": 40}

    @pytest.mark.parametrize("document", [{}, {"drill": None, "verify_units": None, "plan": 3}])
    def test_of_a_document_without_anything(self, document: dict[str, Any]) -> None:
        assert cost.usage(document) == {"calls": 0}


class TestMonthToDate:
    """What the runs of this month cost."""

    def at(self, started: str | None, **others: Any) -> dict[str, Any]:
        return {**HUNDRED_GB, "started_at": started, **others}

    def test_the_runs_of_this_month_alone(self) -> None:
        one = cost.total(cost.of_run(HUNDRED_GB))
        runs = [
            self.at("2025-11-02T08:00:00Z"),
            self.at("2026-10-31T23:59:59Z"),
            self.at("2026-11-01T00:00:00Z"),
            self.at("2026-11-20T08:00:00Z"),
            self.at("2026-11-20T10:00:00Z"),  # yet to come
        ]
        assert cost.month_to_date(AURORA, runs, NOW) == pytest.approx(2 * one)

    def test_nothing_where_nothing_ran(self) -> None:
        assert cost.month_to_date(AURORA, [], NOW) == 0.0

    def test_a_damaged_entry_counts_nothing(self) -> None:
        for started in ("", "yesterday", None):
            assert cost.month_to_date(AURORA, [self.at(started)], NOW) == 0.0

    def test_the_kind_is_the_drills_where_the_entry_has_none(self) -> None:
        run = {name: value for name, value in HUNDRED_GB.items() if name != "kind"}
        assert cost.month_to_date(AURORA, [run], NOW) > 5
        assert cost.month_to_date(replace(AURORA, kind="s3_versions"), [run], NOW) < 0.1

    @pytest.mark.parametrize("drill", [FILES, ROTATION])
    def test_a_month_of_the_other_kinds_is_cents(self, drill: Any) -> None:
        run = {"started_at": "2026-11-02T08:00:00Z", "usage": {"calls": 12, "objects": 40}}
        assert 0 < cost.month_to_date(drill, [run], NOW) < 0.05


class TestStanding:
    """What stands between drills."""

    def test_each_thing_at_its_price(self) -> None:
        lines = cost.standing(
            {
                "keys": 2,
                "metrics": 60,
                "alarms": 25,
                "composites": 2,
                "dashboards": 1,
                "secrets": 1,
                "log_bytes": 2 * cost.GIGABYTE,
            }
        )
        assert {line.name: round(line.dollars, 4) for line in lines} == {
            "keys": 2.0,
            "metrics": 18.0,
            "alarms": 2.5,
            "composites": 1.0,
            "dashboards": 3.0,
            "secrets": 0.4,
            "logs": 0.06,
        }
        assert cost.total(lines) == 26.96

    def test_what_has_no_price_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no price for gateways: expected keys, metrics"):
            cost.standing({"keys": 1, "gateways": 2})
