"""The only file that talks to CloudTrail: who touched what a run made, kept beside its report.

Best effort. What fails is tried again by the next collections, and in the end noted in the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import DrillError, EvidenceMissing
from functions.evidence import Evidence
from functions.watch.footprint import Footprint, is_due, is_last_chance, key_of, of_run, record

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import LookupEventsRequestTypeDef

PAUSE: Final = 0.6
"""Seconds between requests: CloudTrail answers two a second to a whole account."""

_PAGES: Final = 4
_PAGE: Final = 50
_LONGEST_REQUEST: Final = 30
"""Seconds, with all that the client tries again."""

logger = Logger(service="backup-drills")


class TooManyEvents(DrillError):
    """When a resource has more events than are asked for."""


class OutOfTime(DrillError):
    """When what is left of a collection's time is too short for another request."""


def follow(
    runs: Iterable[Mapping[str, Any]],
    *,
    evidence: Evidence,
    now: datetime,
    seconds: Callable[[], float],
) -> list[str]:
    """Keep the events of each run that is due and has none yet; the keys under which they are.

    `runs` are entries of the ledger; `seconds` tells how much time is left.
    """
    stored = []
    for run in runs:
        try:
            if is_due(run, now) and _keep(run, evidence=evidence, now=now, seconds=seconds):
                stored.append(key_of(run))
        except (BotoCoreError, ClientError, EvidenceMissing, LookupError, ValueError) as error:
            logger.warning("the trail of a run was not kept", run=run.get("key"), error=str(error))
    return stored


def _keep(
    run: Mapping[str, Any], *, evidence: Evidence, now: datetime, seconds: Callable[[], float]
) -> bool:
    """Keep the events of one run; False where they are there, or are to be asked for again."""
    if evidence.list_keys(key_of(run)):
        return False
    footprint = of_run(run, evidence.get_json(f"{run['key']}/report.json"))
    events: list[Mapping[str, Any]] = []
    failures, limits = [], []
    for resource in footprint.resources:
        try:
            events.extend(_look_up(resource, footprint, seconds))
        except TooManyEvents as error:
            limits.append(str(error))
        except (BotoCoreError, ClientError, OutOfTime) as error:
            failures.append(f"{resource}: {type(error).__name__}: {error}")
    if failures and not is_last_chance(run, now):
        logger.warning("the trail of a run is asked for again", run=run["key"], failures=failures)
        return False
    told = record(footprint, events, failures=[*failures, *limits], now=now)
    evidence.put_json(footprint.key, told, locked=True)
    return True


def _look_up(
    resource: str, footprint: Footprint, seconds: Callable[[], float]
) -> Iterator[Mapping[str, Any]]:
    """The events that name a resource, newest first. Raises TooManyEvents and OutOfTime."""
    request: LookupEventsRequestTypeDef = {
        "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": resource}],
        "StartTime": footprint.start,
        "EndTime": footprint.end,
        "MaxResults": _PAGE,
    }
    for _ in range(_PAGES):
        if seconds() < _LONGEST_REQUEST:
            raise OutOfTime("there was no time left for it")
        answer = _cloudtrail().lookup_events(**request)
        time.sleep(PAUSE)
        yield from answer["Events"]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]
    raise TooManyEvents(f"{resource}: more than its newest {_PAGES * _PAGE} events")


@cache
def _cloudtrail() -> CloudTrailClient:
    patience = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return boto3.client("cloudtrail", config=patience)
