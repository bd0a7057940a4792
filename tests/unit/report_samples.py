"""Documents of finished runs, as the line would hand them to Report, and the reports they make."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from functions import clock
from functions.aurora.plan import required_classes
from functions.aurora.summary import summarize
from functions.model import Check, CheckClass, Document, Level, Status, tally
from functions.report.conclude import conclude, identify
from functions.report.words import Report

EXECUTION = "arn:aws:states:sa-east-1:123456789012:execution:drill-aurora-prod-monthly:manual-7"
STARTED = "2026-11-02T08:00:01Z"
T = "2026-11-02T08:00:41Z"
SOURCE = "fibonacci-aurora-cluster-prod"
CLUSTER = "drill-aurora-prod-monthly-20261102-1a2b3c"
KEY = "aurora-prod-monthly/2026/20261102-1a2b3c"
CODE = {"version": "0.1.0", "sha256": "9f" * 32}

TABLES = [
    *(f"nigredo_leads.{name}" for name in ("leads", "contacts", "campaigns", "lead_events")),
    *(f"nigredo_leads.{name}" for name in ("lead_scores", "lead_tags", "imports", "consents")),
    *(f"sales.{name}" for name in ("orders", "order_lines", "invoices", "payments", "refunds")),
    *(f"sales.{name}" for name in ("customers", "addresses", "products", "prices", "stock")),
    *(f"audit.{name}" for name in ("logins", "changes", "exports", "api_calls")),
    *(f"billing.{name}" for name in ("plans", "subscriptions", "usage")),
]


def at(seconds: float) -> str:
    """The instant that many seconds after the drill began."""
    return clock.after(STARTED, seconds)


def drill() -> dict[str, Any]:
    """The configuration of the sample drill."""
    return {
        "name": "aurora-prod-monthly",
        "kind": "aurora",
        "cluster": SOURCE,
        "restore": {"from": "point-in-time", "at": "latest"},
        "required_level": "bounded",
        "objectives": {"rpo_seconds": 300, "rto_seconds": 1800},
        "heartbeat": True,
        "integrity": {"level": "quick", "required": False},
        "witness": {"endpoint": "reader"},
        "severity": "medium",
    }


def check(name: str, check_class: CheckClass, target: str, **facts: Any) -> Check:
    """A check that passed, unless the facts say otherwise."""
    values: dict[str, Any] = {
        "status": Status.PASSED,
        "expected": "yes",
        "observed": "yes",
        "seconds": 0.03,
    }
    return Check(name=name, check_class=check_class, target=target, **{**values, **facts})


def verify_checks() -> list[Check]:
    """What Verify itself records."""
    return [
        check("login", CheckClass.ACCESS, CLUSTER, expected="accepted", observed="accepted"),
        check("tls", CheckClass.ACCESS, CLUSTER, expected="verify-full", observed="TLSv1.3"),
        check(
            "marker_before",
            CheckClass.RESTORE_POINT,
            "backup_drills.heartbeat",
            expected="present",
            observed="present",
        ),
        check(
            "marker_after",
            CheckClass.RESTORE_POINT,
            "backup_drills.heartbeat",
            expected="absent",
            observed="absent",
        ),
        check(
            "schema",
            CheckClass.SCHEMA,
            "4 schemas",
            expected="digest 4be1…90",
            observed="digest 4be1…90",
            detail="25 tables, 211 columns, 63 indexes, 88 constraints",
        ),
        check(
            "freshness",
            CheckClass.CUSTOM,
            "nigredo_leads.leads",
            expected="created_at within 24 h of the restore point",
            observed="12 s before it",
            seconds=0.21,
        ),
        check(
            "recent_leads",
            CheckClass.CUSTOM,
            "drills.yaml",
            expected="> 0",
            observed="1284",
            seconds=0.4,
        ),
        check(
            "jobs_inert",
            CheckClass.ISOLATION,
            "drill-aurora-prod-monthly-20261102-7f3a9c",
            expected="nothing loaded that runs jobs",
            observed="nothing loaded",
        ),
    ]


def table_checks() -> list[Check]:
    """One comparison of rows for each table."""
    return [
        check(
            "rows",
            CheckClass.CONTENT,
            table,
            expected=f"{4100 + 977 * n:,} to {4104 + 977 * n:,} rows",
            observed=f"{4102 + 977 * n:,} rows",
            level=Level.BOUNDED,
            seconds=0.05 * n,
        )
        for n, table in enumerate(TABLES)
    ]


class Sample:
    """A run that passed; `document`, `verify` and `units` (checks) may be changed."""

    def __init__(self) -> None:
        self.verify = verify_checks()
        self.units = [table_checks()[:13], table_checks()[13:]]
        self.document: Document = {
            "drill": drill(),
            "input": {},
            "execution": {"id": EXECUTION, "name": "manual-7", "start_time": STARTED},
            "plan": {
                "done": True,
                "outcome": "go",
                "run_id": "20261102-1a2b3c",
                "key": KEY,
                "required_classes": required_classes(drill()),
                "source": {
                    "identifier": SOURCE,
                    "arn": f"arn:aws:rds:sa-east-1:123456789012:cluster:{SOURCE}",
                    "engine_version": "15.10",
                },
                "restore": {"from": "point-in-time", "at": "latest", "time": None},
                "names": {"cluster": CLUSTER, "instance": f"{CLUSTER}-1"},
                "lag_seconds": 148.0,
            },
            "witness": {
                "done": True,
                "started_at": at(4),
                "ended_at": at(46),
                "restore_time": T,
                "tables": len(TABLES),
            },
            "exercise": {
                "done": True,
                "started_at": at(47),
                "restorable_at": at(338),
                "requested_at": at(339),
                "accepted_at": at(342.5),
                "cluster_available_at": at(800),
                "instance_available_at": at(1161),
                "largest_lag_seconds": 171.0,
                "created": self._resources(),
            },
            "verify": {"done": True, "first_login_at": at(1199)},
            "teardown": {
                "done": True,
                "started_at": at(1330),
                "ended_at": at(1702),
                "proven": True,
                "deleted": self._resources(),
                "leftovers": [],
            },
        }

    @staticmethod
    def _resources() -> list[dict[str, str]]:
        arn = "arn:aws:rds:sa-east-1:123456789012"
        return [
            {"type": "cluster", "name": CLUSTER, "arn": f"{arn}:cluster:{CLUSTER}"},
            {"type": "instance", "name": f"{CLUSTER}-1", "arn": f"{arn}:db:{CLUSTER}-1"},
        ]

    def stored(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The check records in the evidence bucket."""
        sets = {f"{KEY}/checks/verify.json": self.verify}
        sets |= {f"{KEY}/checks/unit-{n:03}.json": unit for n, unit in enumerate(self.units)}
        return {key: [c.to_document() for c in checks] for key, checks in sets.items()}

    def whole(self) -> Document:
        """The document, with what Verify and its units tell of their records."""
        document = copy.deepcopy(self.document)
        if document.get("verify", {}).get("done"):
            units = [{"unit": n} for n in range(len(self.units))]
            document["verify"].update(
                units=units,
                checks={"key": f"{KEY}/checks/verify.json", **tally(self.verify)},
            )
            document.setdefault(
                "verify_units",
                [
                    {"unit": n, "key": f"{KEY}/checks/unit-{n:03}.json", **tally(unit)}
                    for n, unit in enumerate(self.units)
                ],
            )
        return document

    def report(self) -> Report:
        """The report of this run."""
        return report_of(self.whole(), self.stored())


def report_of(document: Document, stored: Mapping[str, Any]) -> Report:
    """The report that a document and stored records make."""
    listed = [f"{KEY}/plan.json", f"{KEY}/witness/manifest.json", *stored]
    made = conclude(
        document,
        identity=identify(document, today="20261102"),
        stored=stored,
        bucket="backup-drills-evidence-123456789012",
        evidence=listed,
        reported_at=at(1703),
        code=CODE,
        summarize=summarize,
    )
    loaded: Report = json.loads(json.dumps(made))
    return loaded


def passed() -> Sample:
    """A healthy drill."""
    return Sample()


def by_schedule() -> Sample:
    """A healthy drill that the schedule started."""
    sample = Sample()
    sample.document["input"] = {"scheduled_time": "2026-11-02T08:00:00Z"}
    return sample


def failed() -> Sample:
    """Rows are missing, a table is gone, one check of the user's own could not run."""
    sample = by_schedule()
    first = sample.units[0]
    first[0] = check(
        "rows",
        CheckClass.CONTENT,
        "nigredo_leads.leads",
        status=Status.FAILED,
        expected="48,112 to 48,119 rows",
        observed="47,980 rows",
        detail="132 rows fewer than both snapshots of the source saw",
        level=Level.BOUNDED,
        seconds=0.31,
    )
    first[7] = check(
        "rows",
        CheckClass.CONTENT,
        "nigredo_leads.consents",
        status=Status.FAILED,
        expected="10,939 to 10,943 rows",
        observed="no such table",
        level=Level.BOUNDED,
    )
    sample.verify[4] = check(
        "schema",
        CheckClass.SCHEMA,
        "4 schemas",
        status=Status.FAILED,
        expected="25 tables",
        observed="24 tables",
        detail="missing: table nigredo_leads.consents",
    )
    sample.verify[6] = check(
        "recent_leads",
        CheckClass.CUSTOM,
        "drills.yaml",
        status=Status.NOT_RUN,
        expected="> 0",
        observed="statement timeout after 60 s",
        seconds=60.0,
    )
    return sample


def too_slow() -> Sample:
    """The data is right, and the recovery took longer than allowed."""
    sample = Sample()
    for key in ("cluster_available_at", "instance_available_at"):
        shift = 1500
        moved = sample.document["exercise"][key]
        sample.document["exercise"][key] = clock.after(moved, shift)
    sample.document["verify"]["first_login_at"] = at(1199 + 1500)
    for key in ("started_at", "ended_at"):
        sample.document["teardown"][key] = clock.after(sample.document["teardown"][key], 1500)
    return sample


def left_behind() -> Sample:
    """The data is right, and teardown could not delete the cluster."""
    sample = Sample()
    resources = sample.document["teardown"]["deleted"]
    sample.document["teardown"] |= {
        "proven": False,
        "deleted": resources[1:],
        "leftovers": resources[:1],
    }
    return sample


def inconclusive() -> Sample:
    """The instance never became available: Exercise raised, Teardown cleaned up."""
    sample = Sample()
    del sample.document["verify"]
    exercise = sample.document["exercise"]
    exercise["done"] = False
    del exercise["instance_available_at"]
    cause = {
        "errorType": "RestoreFailed",
        "errorMessage": f"instance {CLUSTER}-1 is insufficient-capacity: a state without return",
        "stackTrace": ["  File ..."],
    }
    sample.document["error"] = {"Error": "RestoreFailed", "Cause": json.dumps(cause)}
    return sample


def unchecked() -> Sample:
    """Everything ran but for one unit that raised."""
    sample = Sample()
    sample.document["verify_units"] = [
        {
            "unit": 0,
            "key": f"{KEY}/checks/unit-000.json",
            **tally(sample.units[0]),
        },
        {"unit": 1, "error": {"Error": "States.Timeout", "Cause": ""}},
    ]
    return sample


def refused() -> Sample:
    """The input asks for a time in the future."""
    sample = Sample()
    cause = {
        "errorType": "Refused",
        "errorMessage": "input: restore_time: 2027-01-01T00:00:00Z is in the future:"
        " expected a time between 2026-10-26T08:00:00Z and 2026-11-02T07:57:33Z",
    }
    sample.document = {
        "drill": drill(),
        "input": {"restore_time": "2027-01-01T00:00:00Z"},
        "execution": sample.document["execution"],
        "error": {"Error": "Refused", "Cause": json.dumps(cause)},
    }
    return sample


def skipped() -> Sample:
    """Another run of the drill has the claim."""
    sample = Sample()
    sample.document = {
        "drill": drill(),
        "input": {"scheduled_time": "2026-11-02T08:00:00Z"},
        "execution": sample.document["execution"],
        "plan": {
            "done": True,
            "outcome": "skipped",
            "reason": "the execution manual-6 of this drill is still running",
        },
    }
    return sample


SAMPLES = {
    "pass": passed,
    "pass-by-schedule": by_schedule,
    "fail": failed,
    "fail-too-slow": too_slow,
    "fail-left-behind": left_behind,
    "inconclusive": inconclusive,
    "inconclusive-unit": unchecked,
    "refused": refused,
    "skipped": skipped,
}
