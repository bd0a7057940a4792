"""The page, the message and the metrics: what people and graphs are told."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from functions.model import CheckClass, Level, Resource, Status, Verdict
from functions.report.html import page
from functions.report.markup import Markup, fill
from functions.report.message import message, severity
from functions.report.metrics import VERDICT_METRICS, emit, measures
from functions.report.timeline import timeline
from tests.unit import report_samples as samples

ATTACK = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
VOID = {"meta", "br", "img", "link", "input", "hr"}
SVG_EMPTY = {"path", "line", "rect"}


class Page(HTMLParser):
    """The tags of a page, and whether each is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        assert tag in SVG_EMPTY, tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_page_is_well_formed_and_needs_nothing_from_elsewhere(name: str) -> None:
    report = samples.SAMPLES[name]().report()
    parsed = Page(page(report))
    assert parsed.open == []
    assert not {"script", "img", "link", "iframe", "a"} & set(parsed.tags)
    assert not [a for a, _ in parsed.attributes if a in ("src", "href") or a.startswith("on")]
    assert "url(" not in page(report)
    text = " ".join("".join(parsed.text).split())
    assert report["headline"] in text
    assert text.index(report["verdict"]) < text.index(report["headline"])
    for verdict in Verdict:
        assert verdict.value in text


def test_everything_is_escaped() -> None:
    sample = samples.failed()
    sample.document["drill"]["name"] = ATTACK
    sample.document["plan"]["source"]["identifier"] = ATTACK
    sample.document["plan"]["run_id"] = ATTACK
    sample.document["input"] = {ATTACK: ATTACK}
    sample.document["error"] = {"Error": ATTACK, "Cause": ATTACK}
    sample.document["teardown"]["leftovers"] = [{"type": ATTACK, "name": ATTACK, "arn": ATTACK}]
    sample.units[0][0] = samples.check(
        ATTACK,
        CheckClass.CONTENT,
        ATTACK,
        status=Status.FAILED,
        expected=ATTACK,
        observed=ATTACK,
        detail=ATTACK,
        level=Level.COUNTED,
    )
    report = sample.report()
    report["phases"][0]["name"] = ATTACK
    text = page(report)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&gt;" in text
    Page(text)


def test_a_template_takes_markup_only_for_markup() -> None:
    assert fill("$a$b", a="<b>", b=Markup("<br>")) == "&lt;b&gt;<br>"
    with pytest.raises(KeyError):
        fill("$a $b", a="only one")


def test_what_failed_comes_before_what_was_not_run_before_what_passed() -> None:
    text = page(samples.failed().report())
    text = text[text.index("What was checked") :]
    order = [text.index(f"<h3>{title}</h3>") for title in ("Structure", "Content")]
    assert order == sorted(order)
    assert text.index("<h3>Content</h3>") < text.index("<h3>Your own checks</h3>")
    assert text.index("<h3>Your own checks</h3>") < text.index("<h3>Access</h3>")
    content = text[text.index("<h3>Content</h3>") :]
    assert content.index("47,980 rows") < content.index("no such table")
    assert content.index("no such table") < content.index("nigredo_leads.contacts")


def test_a_check_that_the_configuration_switched_off_says_so() -> None:
    sample = samples.passed()
    sample.verify[2] = samples.check(
        "marker_before",
        CheckClass.RESTORE_POINT,
        "backup_drills.heartbeat",
        status=Status.NOT_RUN,
        expected="present",
        observed="not measured",
        by_configuration=True,
    )
    report = sample.report()
    assert report["verdict"] == Verdict.PASS
    assert report["headline"].endswith("and all 35 checks passed.")
    assert "Not counted against the drill." in page(report)
    told = message(report)
    assert told
    assert "Not run:" not in told.body


def test_a_class_with_thousands_of_passed_checks_is_counted_not_listed() -> None:
    sample = samples.passed()
    sample.units = [
        [
            samples.check("rows", CheckClass.CONTENT, f"s.t{n}", level=Level.BOUNDED)
            for n in range(2000)
        ]
    ]
    text = page(sample.report())
    assert "And 1,500 more that passed" in text
    assert len(text) < 500_000


@pytest.mark.parametrize("name", ["pass", "fail-too-slow", "inconclusive"])
def test_the_timeline_holds_every_phase_and_the_objective_inside_its_picture(name: str) -> None:
    report = samples.SAMPLES[name]().report()
    picture = timeline(report)
    Page(picture)
    for phase in report["phases"]:
        assert phase["name"].capitalize() in picture
    assert "objective: 30 min" in picture
    for x, width in re.findall(r'x="([\d.-]+)%" y="\d+" width="([\d.-]+)%"', picture):
        assert float(x) >= 0
        assert float(x) + float(width) <= 100.01


def test_an_objective_far_beyond_the_drill_is_named_and_not_drawn() -> None:
    sample = samples.passed()
    sample.document["drill"]["objectives"]["rto_seconds"] = 86_400
    picture = timeline(sample.report())
    assert "of 1 d allowed, which is beyond this picture" in picture
    assert "objective:" not in picture


def test_without_phases_there_is_no_timeline() -> None:
    assert timeline(samples.refused().report()) == ""


FIRST_LINES = {
    "pass": r"PASS: fibonacci-aurora-cluster-prod was restored as of 2 Nov 2026, 08:00:41 UTC"
    r" within 14 min 20 s, and all 36 checks passed\. Nothing to do\.",
    "fail": r"FAIL: What came back from the backup of fibonacci-aurora-cluster-prod is not right:"
    r" 3 checks failed \(structure, content\)\. Treat this backup as unproven: .*",
    "fail-too-slow": r"FAIL: The data of fibonacci-aurora-cluster-prod came back right, but"
    r" recovery took 39 min 20 s where 30 min are allowed\. Make the restore faster or .*",
    "fail-left-behind": r"FAIL: The data of .* came back right, but the drill did not prove that"
    r" everything it made is gone\. Left behind: drill-aurora-prod-monthly-20261102-1a2b3c\. .*",
    "inconclusive": r"INCONCLUSIVE: Nothing is proven about the backup of .*: the step Exercise"
    r" could not be finished\. A step raised RestoreFailed: .* Mend the cause and start .*",
    "inconclusive-unit": r"INCONCLUSIVE: Nothing is proven about the backup of .*:"
    r" 1 check could not run\. Mend the cause and start the drill again: .*",
    "refused": r"REFUSED: The drill of fibonacci-aurora-cluster-prod did not begin: its input or"
    r" configuration was refused\. input: restore_time: .* Correct what was refused, .*",
}


@pytest.mark.parametrize("name", FIRST_LINES)
def test_the_first_line_says_what_happened_to_what_and_what_to_do(name: str) -> None:
    report = samples.SAMPLES[name]().report()
    told = message(report)
    assert told
    first = told.body.splitlines()[0]
    assert re.fullmatch(FIRST_LINES[name], first)
    assert first.endswith(report["action"])
    assert told.attributes["verdict"] == report["verdict"]
    assert told.attributes["drill"] == "aurora-prod-monthly"


def test_the_rest_of_a_message_tells_checks_objectives_and_where_to_look() -> None:
    told = message(samples.failed().report())
    assert told
    assert "RTO:       14 min 20 s, 30 min allowed: met" in told.body
    assert "RPO:       2 min 51 s, 5 min allowed: met" in told.body
    assert "- Content: rows of nigredo_leads.leads: expected 48,112 to 48,119 rows" in told.body
    assert "- Your own checks: recent_leads of drills.yaml: expected > 0" in told.body
    assert f"{samples.KEY}/report.html" in told.body
    assert samples.EXECUTION in told.body
    assert "https://sa-east-1.console.aws.amazon.com/states/home" in told.body


def test_nobody_is_told_of_a_drill_that_was_skipped() -> None:
    assert message(samples.skipped().report()) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("pass", "info"), ("refused", "low"), ("fail", "high"), ("inconclusive", "high")],
)
def test_the_severity_is_the_drill_s_where_it_matters(name: str, expected: str) -> None:
    report = samples.SAMPLES[name]().report()
    report["drill"]["severity"] = "high"
    assert severity(report) == expected


@pytest.mark.parametrize("drill", ["x" * 300, "two\nlines", "café", "a"])
def test_a_subject_is_what_sns_accepts(drill: str) -> None:
    report = samples.failed().report()
    report["drill"]["name"] = drill
    told = message(report)
    assert told
    assert re.fullmatch(r"[ -~]{1,99}", told.subject)
    assert told.subject.startswith("FAIL: backup drill ")


def test_a_message_stays_small_however_much_failed() -> None:
    sample = samples.passed()
    sample.units = [
        [
            samples.check(
                "rows",
                CheckClass.CONTENT,
                f"s.t{n}",
                status=Status.FAILED,
                observed="y" * 5000,
                detail="line\nline",
            )
            for n in range(3000)
        ]
    ]
    told = message(sample.report())
    assert told
    assert len(told.body.encode()) < 32_000
    assert "- and 2,980 more checks: see the report" in told.body


def values(report: dict[str, Any]) -> dict[str, float]:
    """The measures of a run by name; a phase is named with its dimension."""
    return {m.name + m.dimensions.get("Phase", ""): m.value for m in measures(report)}


def test_the_metrics_of_a_pass() -> None:
    found = values(samples.passed().report())
    assert found == {
        "DrillsPassed": 1.0,
        "DrillsFailed": 0.0,
        "DrillsInconclusive": 0.0,
        "DrillsRefused": 0.0,
        "DrillsSkipped": 0.0,
        "DaysSinceProof": 0.0,
        "ChecksPassed": 36.0,
        "ChecksFailed": 0.0,
        "ChecksNotRun": 0.0,
        "Leftovers": 0.0,
        "RtoSeconds": 860.0,
        "RpoSeconds": 171.0,
        "PhaseSecondswitnessed": 42.0,
        "PhaseSecondsrestorable": 291.0,
        "PhaseSecondsaccepted": 3.5,
        "PhaseSecondscluster available": 457.5,
        "PhaseSecondsinstance available": 361.0,
        "PhaseSecondsfirst login": 38.0,
        "PhaseSecondsverified": 131.0,
        "PhaseSecondstorn down": 372.0,
    }


@pytest.mark.parametrize("name", [n for n in samples.SAMPLES if not n.startswith("pass")])
def test_only_a_pass_is_a_proof(name: str) -> None:
    report = samples.SAMPLES[name]().report()
    found = values(report)
    assert "DaysSinceProof" not in found
    counters = {metric: found[metric] for metric in VERDICT_METRICS.values()}
    assert [metric for metric, value in counters.items() if value] == [
        VERDICT_METRICS[Verdict(report["verdict"])]
    ]


def test_a_run_that_measured_nothing_says_nothing_but_its_verdict() -> None:
    assert set(values(samples.skipped().report())) == set(VERDICT_METRICS.values())


def test_metrics_are_written_in_the_embedded_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "")
    emit(measures(samples.passed().report()), namespace="BackupDrills")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 9
    declared = lines[0]["_aws"]["CloudWatchMetrics"][0]
    assert declared["Namespace"] == "BackupDrills"
    assert declared["Dimensions"] == [["Drill"]]
    assert lines[0]["Drill"] == "aurora-prod-monthly"
    assert lines[0]["DaysSinceProof"] == [0.0]
    assert {"Name": "RtoSeconds", "Unit": "Seconds"} in declared["Metrics"]
    assert lines[1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Drill", "Phase"]]
    assert lines[1]["Phase"] == "witnessed"


def test_leftovers_are_named_wherever_people_look() -> None:
    report = samples.left_behind().report()
    assert report["resources"]["leftovers"] == [
        {
            "type": "cluster",
            "name": samples.CLUSTER,
            "arn": f"arn:aws:rds:sa-east-1:123456789012:cluster:{samples.CLUSTER}",
        }
    ]
    assert "left behind" in page(report)
    assert values(report)["Leftovers"] == 1.0
    assert Resource(**report["resources"]["leftovers"][0]).name == samples.CLUSTER
