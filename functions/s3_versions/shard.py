"""The three functions of a restore on many machines (infra/restore.asl.json).

Plan checks the input and divides the keys into shards. Shard is called for each of them, first to
plan and then to apply, until it is done: it looks at the listing anew each time, so that a call
that died, or whose answer was lost, is simply made again. Collect sums up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions import aws
from functions.errors import TryAgain
from functions.evidence import Evidence
from functions.model import Answer
from functions.s3_versions import errand as errands
from functions.s3_versions import objects
from functions.s3_versions.errand import Errand
from functions.s3_versions.outcome import Result
from functions.s3_versions.piece import THREADS, Phase, look_into, work
from functions.s3_versions.restore import Tally
from functions.s3_versions.shards import Range, by_looking, spread
from functions.s3_versions.values import Diff
from functions.s3_versions.wire import Bucket
from functions.settings import Settings
from functions.step import Handler, LambdaContext, done, waiting

RESERVE_SECONDS: Final = 120
"""What a call keeps to end the copies that have begun, and to write down what came of them."""

logger = Logger(service="backup-drills")


def _handler(function: Callable[[Mapping[str, Any], LambdaContext], Answer]) -> Handler:
    """Errors that ask to be asked again get the name by which the machine retries."""

    @wraps(function)
    def handler(event: Mapping[str, Any], context: LambdaContext) -> Answer:
        logger.clear_state()
        logger.append_keys(step=function.__name__, execution=event["document"]["execution"]["id"])
        try:
            return function(event, context)
        except TryAgain as error:
            raise TryAgain(f"{type(error).__name__}: {error}") from error
        except (ClientError, BotoCoreError) as error:
            if aws.asks_again(error):
                raise TryAgain(str(error)) from error
            raise

    return handler


@_handler
def plan_handler(event: Mapping[str, Any], _: LambdaContext) -> Answer:
    """Where the list of shards is, how many they are, and the errand.

    Raises Refused for an input or a bucket with which a restore cannot be right.
    """
    document, now = event["document"], datetime.now(UTC)
    errand = errands.read(document["restore"], document["input"], now=now)
    source = objects.bucket_facts(errand.source)
    target = source if errand.in_place else objects.bucket_facts(errand.target)
    errand = errands.fit(errand, source, target, now=now)
    with Bucket(errand.source, client=objects.client(), connections=THREADS) as bucket:
        look = look_into(bucket, errand.prefix)
        found = by_looking(look, errand.shards, prefix=errand.prefix)
    evidence, key = _evidence(), f"{_folder(document)}/shards.json"
    evidence.put_json(
        key,
        [
            {"number": number, **found[number]._asdict()}
            for number in spread(len(found), errands.AT_A_TIME)
        ],
    )
    logger.info("planned", shards=len(found))
    return done(bucket=evidence.bucket, key=key, count=len(found), errand=errand.to_record())


@_handler
def shard_handler(event: Mapping[str, Any], context: LambdaContext) -> Answer:
    """What was done of a shard so far: `position` is where the next call goes on.

    The answer of the call before is in the event. A call that is made again counts anew what it
    finds done already.
    """
    document, phase, shard = event["document"], Phase(event["phase"]), event["shard"]
    errand = Errand.from_record(document["plan"]["errand"])
    so_far = event.get("answer") or {}
    part = Range(so_far.get("position") or shard["after"], shard["until"])

    def is_late() -> bool:
        return context.get_remaining_time_in_millis() < RESERVE_SECONDS * 1000

    with ExitStack() as opened:
        source = opened.enter_context(_bucket(errand.source))
        target = source if errand.in_place else opened.enter_context(_bucket(errand.target))
        piece = work(errand, part, phase, source=source, target=target, is_late=is_late)
    calls, tally = so_far.get("calls", 0) + 1, Tally()
    if so_far:
        tally.add(Tally.from_record(so_far["tally"]))
    tally.add(piece.tally)
    facts = {
        "number": shard["number"],
        "position": piece.position,
        "calls": calls,
        "tally": tally.to_record(),
        "noted": [*so_far.get("noted", []), *([calls] if piece.notes else [])],
    }
    if piece.notes:
        _evidence().put_bytes(
            notes_key(document, phase, shard["number"], calls),
            piece.notes,
            content_type="application/gzip",
        )
    logger.info("shard", phase=phase, number=shard["number"], position=piece.position)
    if piece.position:
        return waiting(1, f"the keys behind {piece.position!r}", **facts)
    _evidence().put_json(_result_key(document, phase, shard["number"]), facts)
    return done(**facts)


@_handler
def collect_handler(event: Mapping[str, Any], _: LambdaContext) -> Answer:
    """The sum over all shards; `complete` if every key is what it was, else `cause` says why not.

    Raises EvidenceMissing where a shard has told nothing.
    """
    document, phase = event["document"], Phase(event["phase"])
    evidence, tally, noted = _evidence(), Tally(), 0
    for number in range(document["plan"]["count"]):
        told = evidence.get_json(_result_key(document, phase, number))
        tally.add(Tally.from_record(told["tally"]))
        noted += len(told["noted"])
    lacking = _lacking(tally)
    notes = f"s3://{evidence.bucket}/{_folder(document)}/{phase}/parts/" if noted else ""
    summary = {
        "complete": not lacking,
        "cause": f"{lacking}: see {notes}" if lacking else "",
        "changes": tally.changes,
        "notes": notes,
        "tally": tally.to_record(),
    }
    evidence.put_json(f"{_folder(document)}/{phase}/result.json", summary)
    return done(**summary)


def notes_key(document: Mapping[str, Any], phase: Phase, number: int, call: int) -> str:
    """Where a call's notes are, in the folder whose objects expire: keys may tell of persons."""
    return f"{_folder(document)}/{phase}/parts/{number:05}-{call:04}.jsonl.gz"


def _result_key(document: Mapping[str, Any], phase: Phase, number: int) -> str:
    return f"{_folder(document)}/{phase}/shards/{number:05}.json"


def _folder(document: Mapping[str, Any]) -> str:
    return f"restores/{document['restore']['bucket']}/{document['execution']['name']}"


def _lacking(tally: Tally) -> str:
    """How many keys are not what they were, in words.

    >>> _lacking(Tally())
    ''
    """
    numbers = {
        "conflicts": tally.results[Result.CONFLICT],
        "failures": tally.results[Result.FAILED],
        "archived, asked back": tally.results[Result.THAWING],
        "unrestorable": tally.keys[Diff.UNRESTORABLE],
    }
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number)


def _bucket(name: str) -> Bucket:
    return Bucket(name, client=objects.client(), connections=THREADS)


def _evidence() -> Evidence:
    return Evidence.of(Settings.from_environment(os.environ))
