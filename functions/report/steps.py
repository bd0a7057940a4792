"""The last step of the line: report. Evidence and ledger first, then people and graphs."""

from __future__ import annotations

from functions import clock, kinds
from functions.errors import EvidenceMissing
from functions.evidence import Evidence
from functions.ledger import Ledger
from functions.model import Answer, Document, Summary
from functions.report import topic
from functions.report.build import part, text
from functions.report.chat import from_setting
from functions.report.conclude import (
    Identity,
    Records,
    conclude,
    identify,
    may_release,
    record_keys,
)
from functions.report.html import page
from functions.report.message import message
from functions.report.metrics import emit, measures
from functions.report.version import code
from functions.report.vocabulary import Vocabulary
from functions.report.words import Report
from functions.step import Run, done, step
from functions.watch import cost


@step("report")
def report(run: Run) -> Answer:
    """Decide the verdict, store the report, write the ledger; then the message and the metrics."""
    identity = identify(run.document, today=f"{run.now:%Y%m%d}")
    evidence = Evidence.of(run.settings)
    words = kinds.vocabulary(text(part(run.document, "drill").get("kind")))
    told = conclude(
        run.document,
        identity=identity,
        stored=_stored(evidence, run.document),
        bucket=evidence.bucket,
        evidence=evidence.list_keys(f"{identity.key}/"),
        reported_at=clock.render(run.now),
        code=code(),
        summarize=_summarize,
        words=words,
    )
    _store(evidence, identity, told, words)
    _enter(Ledger.of(run.settings, identity.drill), told, run.document)
    notification = message(told, words)
    if notification:
        chats = from_setting(run.settings.chat_topics)
        topic.publish(run.settings.topic_arn, notification, chats=chats)
    emit(measures(told), namespace=run.settings.namespace)
    return done(
        verdict=told["verdict"],
        cause=told["cause"],
        report=identity.json_key,
        html=identity.html_key,
    )


def _stored(evidence: Evidence, document: Document) -> Records:
    """The check records that are there; one that is not becomes a check that was not run."""
    found = {}
    for key in record_keys(document):
        try:
            found[key] = evidence.get_json(key)
        except EvidenceMissing:
            continue
    return found


def _summarize(document: Document) -> Summary:
    kind = text(part(document, "drill").get("kind"))
    return kinds.summarizer(kind)(document)


def _store(evidence: Evidence, identity: Identity, told: Report, words: Vocabulary) -> None:
    evidence.put_json(identity.json_key, told, locked=True)
    evidence.put_bytes(
        identity.html_key,
        page(told, words).encode(),
        content_type="text/html; charset=utf-8",
        locked=True,
    )


def _enter(ledger: Ledger, told: Report, document: Document) -> None:
    """Record the run; give the claim back unless something is left that the next run must find."""
    run = told["run"]
    ledger.record(
        run["id"],
        {
            "verdict": told["verdict"],
            "cause": told["cause"],
            "kind": told["drill"]["kind"],
            "source": told["source"]["name"],
            "execution": run["execution"],
            "started_at": run["started_at"] or run["reported_at"],
            "reported_at": run["reported_at"],
            "scheduled_time": told["started_by"]["scheduled_time"],
            "restore_time": told["restore"]["time"],
            "rto_seconds": told["objectives"]["rto"]["measured_seconds"],
            "rpo_seconds": told["objectives"]["rpo"]["measured_seconds"],
            "objectives": told["objectives"],
            "dry_run": told["started_by"]["overrides"].get("dry_run") == "true",
            "usage": cost.usage(document),
            "phases": {phase["name"]: phase["seconds"] for phase in told["phases"]},
            "checks": told["tally"],
            "levels": told["restore"]["levels"],
            "proven_gone": told["resources"]["proven"],
            "key": run["key"],
        },
    )
    if may_release(told, document):
        ledger.release(run["execution"])
