"""The three functions of a restore on many machines (infra/restore.asl.json).

Plan checks the input and divides the keys into shards. Shard is called for each of them, first to
plan, then to apply, then to verify, until it is done: it looks at the listing anew each time, so
that a call that died, or whose answer was lost, is simply made again. Collect sums up.

Every bucket must be of the account that the functions are in, and every request says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial, wraps
from hashlib import sha256
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions import aws, clock, evidence, owner
from functions.errors import TryAgain
from functions.evidence import Evidence
from functions.model import Answer
from functions.s3_versions import errand as errands
from functions.s3_versions import objects, uploads
from functions.s3_versions.confirmed import Copy
from functions.s3_versions.errand import Errand
from functions.s3_versions.outcome import Result
from functions.s3_versions.piece import THREADS, Notes, Phase, look_into, work
from functions.s3_versions.restore import Tally
from functions.s3_versions.shards import Range, by_looking, spread
from functions.s3_versions.values import Diff
from functions.s3_versions.watch import VersioningLost, Watch
from functions.s3_versions.wire import Bucket
from functions.settings import Settings
from functions.step import LambdaContext, done, waiting

RESERVE_SECONDS: Final = 120
"""What a call keeps to end the copies that have begun, and to write down what came of them."""

logger = Logger(service="backup-drills")


class Context(LambdaContext, Protocol):
    """What these functions ask of Lambda's context object."""

    @property
    def invoked_function_arn(self) -> str:
        """By which the function was called."""


_Handler = Callable[[Mapping[str, Any], Context], Answer]


def _handler(function: _Handler) -> _Handler:
    """Errors that ask to be asked again get the name by which the machine retries."""

    @wraps(function)
    def handler(event: Mapping[str, Any], context: Context) -> Answer:
        logger.clear_state()
        logger.append_keys(step=function.__name__, execution=event["document"]["execution"]["id"])
        owner.expect(objects.client(), _account(context))
        evidence.expect_owner(_account(context))
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
def plan_handler(event: Mapping[str, Any], context: Context) -> Answer:
    """Where the list of shards is, how many they are, and the errand.

    Raises Refused for an input or a bucket with which a restore cannot be right.
    """
    document, now = event["document"], datetime.now(UTC)
    began = clock.parse(document["execution"]["start_time"])
    errand = errands.read(document["restore"], document["input"], began=began, now=now)
    source = objects.bucket_facts(errand.source)
    target = source if errand.in_place else objects.bucket_facts(errand.target)
    errand = errands.fit(errand, source, target, now=now)
    with _bucket(errand.source, _account(context)) as bucket:
        look = look_into(bucket, errand.prefix)
        found = by_looking(look, errand.shards, prefix=errand.prefix)
    kept, key = _evidence(), f"{_folder(document)}/shards.json"
    kept.put_json(
        key,
        [
            {"number": number, **found[number]._asdict()}
            for number in spread(len(found), errands.AT_A_TIME)
        ],
    )
    logger.info("planned", shards=len(found))
    return done(bucket=kept.bucket, key=key, count=len(found), errand=errand.to_record())


@_handler
def shard_handler(event: Mapping[str, Any], context: Context) -> Answer:
    """What was done of a shard so far: `position` is where the next call goes on.

    The answer of the call before is in the event. A call that is made again counts anew what it
    finds done already. Raises VersioningLost where a write could destroy something, or has.
    """
    document, phase, shard = event["document"], Phase(event["phase"]), event["shard"]
    errand = Errand.from_record(document["plan"]["errand"])
    so_far = event.get("answer") or {}
    part = Range(so_far.get("position") or shard["after"], shard["until"])
    calls, tally, notes = so_far.get("calls", 0) + 1, Tally(), Notes()

    def is_late() -> bool:
        return context.get_remaining_time_in_millis() < RESERVE_SECONDS * 1000

    def are_kept() -> bool:
        key = notes_key(document, phase, shard["number"], calls)
        if lines := notes.close():
            _evidence().put_bytes(key, lines, content_type="application/gzip")
        return bool(lines)

    with ExitStack() as opened:
        account = _account(context)
        source = opened.enter_context(_bucket(errand.source, account))
        target = source
        if not errand.in_place:
            target = opened.enter_context(_bucket(errand.target, account))
        if phase is not Phase.PLAN:
            Watch(target).look()
        if phase is Phase.VERIFY and not so_far:
            aborted = uploads.abort_left(target, errand.prefix, _begun(document, shard["number"]))
            logger.info("aborted", number=shard["number"], uploads=len(aborted))
        try:
            piece = work(
                errand,
                part,
                phase,
                source=source,
                target=target,
                notes=notes,
                copies=_copied(document, shard["number"]) if phase is Phase.VERIFY else (),
                began_upload=partial(_begin, document, shard["number"]),
                is_late=is_late,
            )
        except VersioningLost:
            are_kept()
            raise
    if so_far:
        tally.add(Tally.from_record(so_far["tally"]))
    tally.add(piece.tally)
    if piece.copies:
        key = f"{_copies(document, shard['number'])}{calls:04}.json"
        _evidence().put_json(key, piece.copies)
    facts = {
        "number": shard["number"],
        "position": piece.position,
        "calls": calls,
        "tally": tally.to_record(),
        "noted": [*so_far.get("noted", []), *([calls] if are_kept() else [])],
    }
    logger.info("shard", phase=phase, number=shard["number"], position=piece.position)
    if piece.position:
        return waiting(1, f"the keys behind {piece.position!r}", **facts)
    _evidence().put_json(_result_key(document, phase, shard["number"]), facts)
    return done(**facts)


@_handler
def collect_handler(event: Mapping[str, Any], _: Context) -> Answer:
    """The sum over all shards; `complete` if every key is what it was, else `cause` says why not.

    Of a plan, if every key can be. Raises EvidenceMissing where a shard has told nothing.
    """
    document, phase = event["document"], Phase(event["phase"])
    kept, tally, noted = _evidence(), Tally(), 0
    for number in range(document["plan"]["count"]):
        told = kept.get_json(_result_key(document, phase, number))
        tally.add(Tally.from_record(told["tally"]))
        noted += len(told["noted"])
    lacking = _lacking(tally, phase)
    notes = f"s3://{kept.bucket}/{_folder(document)}/{phase}/parts/" if noted else ""
    summary = {
        "complete": not lacking,
        "cause": f"{lacking}: see {notes}" if lacking else "",
        "changes": tally.changes,
        "notes": notes,
        "tally": tally.to_record(),
    }
    kept.put_json(f"{_folder(document)}/{phase}/result.json", summary)
    return done(**summary)


def notes_key(document: Mapping[str, Any], phase: Phase, number: int, call: int) -> str:
    """Where a call's notes are, in the folder whose objects expire: keys may tell of persons."""
    return f"{_folder(document)}/{phase}/parts/{number:05}-{call:04}.jsonl.gz"


def _result_key(document: Mapping[str, Any], phase: Phase, number: int) -> str:
    return f"{_folder(document)}/{phase}/shards/{number:05}.json"


def _folder(document: Mapping[str, Any]) -> str:
    return f"restores/{document['restore']['bucket']}/{document['execution']['name']}"


def _uploads(document: Mapping[str, Any], number: int) -> str:
    return f"{_folder(document)}/uploads/parts/{number:05}-"


def _begin(document: Mapping[str, Any], number: int, key: str, upload: str) -> None:
    """Write down an upload before its first part: a call that is killed cannot tell of it."""
    name = sha256(upload.encode()).hexdigest()[:32]
    _evidence().put_json(f"{_uploads(document, number)}{name}.json", {"key": key, "id": upload})


def _begun(document: Mapping[str, Any], number: int) -> set[str]:
    """The ids of all uploads that a shard began, in this execution."""
    kept = _evidence()
    keys = kept.list_keys(_uploads(document, number))
    return {kept.get_json(key)["id"] for key in keys}


def _copies(document: Mapping[str, Any], number: int) -> str:
    return f"{_folder(document)}/copies/parts/{number:05}-"


def _copied(document: Mapping[str, Any], number: int) -> Iterator[Copy]:
    """The copies of a shard that cannot be compared."""
    kept = _evidence()
    for key in kept.list_keys(_copies(document, number)):
        yield from (Copy(*copy) for copy in kept.get_json(key))


def _lacking(tally: Tally, phase: Phase) -> str:
    """How many keys are not what they were, in words.

    >>> _lacking(Tally(), Phase.VERIFY)
    ''
    """
    verified = phase is Phase.VERIFY
    numbers = {
        "written since the start" if verified else "conflicts": tally.results[Result.CONFLICT],
        "differ still" if verified else "failures": tally.results[Result.FAILED],
        "archived, asked back": tally.results[Result.THAWING],
        "unrestorable": tally.keys[Diff.UNRESTORABLE],
    }
    return ", ".join(f"{number} {what}" for what, number in numbers.items() if number)


def _account(context: Context) -> str:
    """That of the function itself."""
    return context.invoked_function_arn.split(":")[4]


def _bucket(name: str, account: str) -> Bucket:
    return Bucket(name, client=objects.client(), owner=account, connections=THREADS)


def _evidence() -> Evidence:
    return Evidence.of(Settings.from_environment(os.environ))
