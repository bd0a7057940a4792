"""The last step of every line, whatever its kind."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from infra.evidence import Evidence
from infra.functions import Function, Functions
from infra.notify import Notify


def report(functions: Functions, *, evidence: Evidence, notify: Notify) -> lambda_.Function:
    """The function that decides the verdict, stores the report and tells the people."""
    return functions.make(
        Function(
            name="report",
            purpose="Verdict, measured RTO and RPO, evidence, metrics, notification",
            handler="functions.report.steps.report",
            timeout=120,
            memory=1024,
            may=[
                *evidence.may_read("*"),
                *evidence.may_write("*/report.json", "*/report.html", locked=True),
                evidence.may_use_ledger("DeleteItem", "PutItem"),
                *notify.may_publish(),
            ],
        )
    )
