"""The collector: every hour, how all that is watched stands, in numbers and in a document.

It reads, and writes nothing but its own state and the CloudTrail events of a run beside its report.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import EvidenceMissing
from functions.evidence import Evidence
from functions.report.metrics import emit
from functions.settings import Settings
from functions.step import LambdaContext
from functions.watch import schedules, state, trail
from functions.watch.collect import look
from functions.watch.metrics import finished, measures
from functions.watch.watched import Watched

SCHEDULE: Final = "collector"
"""Its own schedule, which hands over what is watched."""

_FOR_THE_STATE: Final = 30
_FOR_THE_END: Final = 5
"""Seconds that are kept back: to tell what was found, and to end by itself."""

logger = Logger(service="backup-drills")


def collect(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at everything, and tell: how much there is, and how many findings by severity.

    The findings are told in numbers first; the collection counts as finished only when its state
    is stored, and holds every source and every drill. Raises where the state cannot be stored.
    """
    settings = Settings.from_environment(os.environ)
    evidence = Evidence.of(settings)
    now = datetime.now(UTC)
    watched = _watched(event, settings)
    before = _before(evidence)  # also makes the first client: two threads cannot do it at once
    patience = _seconds_left(context, keep=_FOR_THE_STATE)
    seen = look(watched, settings=settings, now=now, seconds=patience)
    told = state.document(
        watched,
        sources=seen.sources,
        drills=seen.drills,
        watch=seen.watch,
        now=now,
        before=before,
    )
    _log(told)
    emit(measures(told, before), namespace=settings.namespace)
    evidence.put_json(state.history_key(now), told)
    evidence.put_json(state.STATE_KEY, told)
    emit(finished(), namespace=settings.namespace)
    trail.follow(
        seen.runs,
        evidence=evidence,
        now=now,
        seconds=lambda: _seconds_left(context, keep=_FOR_THE_END),
    )
    return {"sources": len(seen.sources), "drills": len(seen.drills), "findings": told["open"]}


def _watched(event: Mapping[str, Any], settings: Settings) -> Watched:
    """What is watched; an event of AWS does not say it, but our own schedule does."""
    given = event if "watched" in event else schedules.given(settings.schedule_group, SCHEDULE)
    return Watched.from_document(given["watched"])


def _before(evidence: Evidence) -> state.State | None:
    """The state of the last collection; without it, everything that is open is so since now."""
    try:
        return state.read(evidence.get_json(state.STATE_KEY))
    except EvidenceMissing:
        return None
    except (BotoCoreError, ClientError, ValueError, state.NotAState) as error:
        logger.warning("the last state cannot be read", error=str(error))
        return None


def _seconds_left(context: LambdaContext, *, keep: float) -> float:
    return max(0.0, context.get_remaining_time_in_millis() / 1000 - keep)


def _log(told: state.State) -> None:
    for item in state.open_items(told):
        about = {item.of: item.name, "kind": item.kind}
        named = {**about, "condition": item.condition, "severity": item.severity}
        logger.warning(item.text, extra=named)
    logger.info("collected", open=told["open"])
