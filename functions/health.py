"""How a source stands between drills: what every kind tells the collector of it. Pure.

A kind has `functions.<kind>.examine`, which looks at all its sources (`kinds.examiner`), and
`functions.<kind>.health`, which judges what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.model import Check, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is not as it should be: `condition` is a name of functions/watch/conditions.

    `text` is a sentence that names the thing, what was found and what was expected; never a value
    of a secret nor a row's content.
    """

    condition: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """One value of a metric of a source; `unit` is CloudWatch's.

    Seconds, Count, Bytes, Percent, or None for a number that is none of these.
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What is true of a source now.

    `facts` goes into the state document as it is, so it is JSON: names, numbers, times as RFC 3339.
    """

    gauges: tuple[Gauge, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def unreadable(what: str, error: Exception) -> Finding:
    """The finding of a call that failed: nothing is known of what it asks for.

    >>> unreadable("DescribeDBClusters", TimeoutError("no answer")).text
    'DescribeDBClusters could not be asked: TimeoutError: no answer'
    """
    return Finding(
        condition="unreadable",
        text=f"{what} could not be asked: {type(error).__name__}: {error}",
    )


def of_check(condition: str, check: Check) -> Iterator[Finding]:
    """The finding that a failed check of a drill is between drills; none of another check.

    >>> from functions.model import CheckClass
    >>> versioning = Check(name="versioning_on", check_class=CheckClass.PROTECTION, target="files",
    ...                    status=Status.FAILED, expected="Enabled", observed="Suspended")
    >>> [finding.text for finding in of_check("versioning-off", versioning)]
    ['files: versioning on: Suspended: expected Enabled']
    """
    if check.status is Status.FAILED:
        name = check.name.replace("_", " ")
        detail = f": {check.detail}" if check.detail else ""
        text = f"{check.target}: {name}: {check.observed}: expected {check.expected}{detail}"
        yield Finding(condition=condition, text=text)
