"""A rotation that is watched while it runs, by a function that does well, badly, or nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import clock
from functions.errors import TryAgain
from functions.model import Answer
from functions.secret_rotation import exercise, rotate, secrets, standing
from functions.secret_rotation.exercise import SourceGone
from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS
from lab.calls import Call
from lab.lambdas import arn
from tests.steps import rotation
from tests.steps.rotation import FUNCTION, PATIENCE, Handler, Held, Premises, drill, plan_of

NOW = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
MEASURED = {
    "requested_at",
    "created_at",
    "accepted_at",
    "rotation_seconds",
    "lockout_seconds",
    "stale_seconds",
    "logins",
    "old_session",
}
"""What only somebody knows who has watched."""


@pytest.fixture
def held(premises: Premises) -> Iterator[Held]:
    """A secret of one test. Whatever happens to it, no password may be told."""
    made = premises.secret()
    yield made
    premises.emulator.secrets.wait(made.arn, PATIENCE)
    premises.assert_nothing_leaked()


def watch(held: Held, plan: dict[str, Any] | None = None, **changes: Any) -> Answer:
    """One call of Exercise, whose answer passes through JSON as it does in the line."""
    answer = exercise.rotate(
        drill=drill(**changes),
        plan_=plan or plan_of(held),
        witness={"version": held.first},
        ca_file=held.premises.ca_file,
        now=NOW,
        remaining_seconds=lambda: 900.0,
    )
    held.premises.assert_nothing_leaked(answer)
    told: Answer = json.loads(json.dumps(answer))
    return told


def before(step: str, act: Callable[[], None]) -> Handler:
    """Our function, which does something else before one of its steps."""

    def handler(event: Mapping[str, Any], context: object) -> None:
        if event["Step"] == step:
            act()
        rotate.handler(event, context)

    return handler


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def refusals(held: Held) -> int:
    """How many logins of its user were refused so far."""
    seen = list(held.premises.database.front.refusals)
    return sum(1 for user, _ in seen if user == held.user.username)


def refused(held: Held, number: int) -> None:
    """Wait for so many more."""
    enough = refusals(held) + number
    until(lambda: refusals(held) >= enough)


@pytest.fixture(autouse=True)
def _all_refusals(premises: Premises) -> None:
    """The door keeps the last hundred of them."""
    premises.database.front.refusals.clear()


def test_a_rotation_is_seen_from_the_request_to_its_end(held: Held) -> None:
    plan = plan_of(held)
    # The new password is tried, in vain, before it is set: so no moment is left unwatched.
    with held.premises.handled_by(before("setSecret", lambda: refused(held, 2))):
        answer = watch(held, plan)
    assert {key: answer[key] for key in ("done", "asked", "rotated", "reason", "interrupted")} == {
        "done": True,
        "asked": True,
        "rotated": True,
        "reason": "",
        "interrupted": False,
    }
    assert answer["from_version"] == held.first
    assert answer["lockout_seconds"] == 0.0
    assert answer["old_session"] == "lived on"
    assert answer["rotation_seconds"] > 0
    assert answer["stale_seconds"] >= 0
    assert min(answer["logins"].values()) >= 2
    instants = ("requested_at", "created_at", "accepted_at", "current_at")
    told = [clock.parse(answer[name]) for name in instants]
    assert told[0] <= told[1] <= told[2]
    assert told[1] <= told[3]
    assert held.labels() == {CURRENT: plan["token"], PREVIOUS: held.first}
    assert held.opens()
    assert not held.opens(held.first)
    assert set(answer) >= MEASURED


def test_a_function_that_locks_everybody_out_for_a_while_is_seen(held: Held) -> None:
    def lock_out() -> None:
        refused(held, 2)
        held.premises.database.set_password(held.user.username, "of nobody's, for a while")
        refused(held, 14)

    def let_in() -> None:
        fresh = held.value(held.described().version(PENDING))["password"]
        held.premises.database.set_password(held.user.username, fresh)

    def clumsy() -> None:
        lock_out()
        let_in()

    with held.premises.handled_by(before("setSecret", clumsy)):
        answer = watch(held)
    assert answer["rotated"] is True
    assert answer["lockout_seconds"] > 0
    assert held.opens()


def test_a_function_that_ends_the_sessions_is_seen(held: Held) -> None:
    def end_sessions() -> None:
        assert held.premises.database.ended(held.user.username) >= 1

    with held.premises.handled_by(before("setSecret", end_sessions)):
        answer = watch(held)
    assert answer["rotated"] is True
    assert answer["old_session"] == "was ended"


def test_a_label_that_never_moves_is_waited_for_in_vain(held: Held) -> None:
    """The function stops before finishSecret, each time: the password is another one already."""

    def die() -> None:
        raise rotation.Killed

    plan = plan_of(held)
    with held.premises.handled_by(before("finishSecret", die)):
        answer = watch(held, plan, timing={"rotation_seconds": 3})
        held.premises.emulator.secrets.wait(held.arn, PATIENCE)
    assert (answer["asked"], answer["rotated"]) == (True, False)
    assert answer["reason"] == "AWSCURRENT did not move within 3 s (timing.rotation)"
    assert (answer["current_at"], answer["rotation_seconds"]) == (None, None)
    assert (answer["lockout_seconds"], answer["stale_seconds"]) == (None, None)
    assert answer["accepted_at"] is not None
    assert not held.opens()
    stands = standing.settle(
        held.described(), facts=held.user.facts(), ca_file=held.premises.ca_file
    )
    assert stands.version == plan["token"]
    assert held.opens()


def test_a_function_that_hangs_is_not_waited_for_longer_than_the_call_may_take(held: Held) -> None:
    go_on = threading.Event()
    with held.premises.handled_by(before("createSecret", lambda: _wait(go_on))):
        answer = exercise.rotate(
            drill=drill(),
            plan_=plan_of(held),
            witness={"version": held.first},
            ca_file=held.premises.ca_file,
            now=NOW,
            remaining_seconds=lambda: exercise.SPARE_SECONDS + 1,
        )
        go_on.set()
        held.premises.emulator.secrets.wait(held.arn, PATIENCE)
    assert answer["reason"] == "AWSCURRENT did not move within 1 s (timing.rotation)"
    assert (answer["lockout_seconds"], answer["stale_seconds"]) == (None, None)
    assert (answer["created_at"], answer["accepted_at"]) == (None, None)
    assert answer["logins"]["new"] == 0


def test_who_finds_the_token_there_has_measured_nothing_and_sees_the_end(held: Held) -> None:
    plan, go_on, looks = plan_of(held), threading.Event(), []

    def look(call: Call) -> None:
        if call.operation == "DescribeSecret" and call.parameters["SecretId"] == held.arn:
            looks.append(call)
            if len(looks) == 3:
                go_on.set()

    with held.premises.handled_by(before("createSecret", lambda: _wait(go_on))):
        secrets.rotate(held.arn, token=plan["token"], function=arn(FUNCTION))
        held.premises.emulator.before_call.append(look)  # type: ignore[arg-type]
        try:
            answer = watch(held, plan)
        finally:
            held.premises.emulator.before_call.remove(look)  # type: ignore[arg-type]
    assert (answer["asked"], answer["rotated"], answer["interrupted"]) == (True, True, True)
    assert answer["from_version"] == held.first
    assert answer["current_at"]
    assert not MEASURED & set(answer)
    assert len(looks) > 3
    assert held.opens()


def test_who_finds_it_all_over_says_so_at_once(held: Held) -> None:
    plan = plan_of(held)
    secrets.rotate(held.arn, token=plan["token"], function=arn(FUNCTION))
    held.premises.emulator.secrets.wait(held.arn, PATIENCE)
    for _ in range(2):
        answer = watch(held, plan)
        assert (answer["asked"], answer["rotated"], answer["interrupted"]) == (True, True, True)
    later = held.rotate()
    assert watch(held, plan)["rotated"] is True  # AWSPREVIOUS by now: it had been current
    assert held.labels()[CURRENT] == later


def test_who_finds_it_stuck_says_that(held: Held) -> None:
    token = held.begin()
    answer = watch(held, plan_of(held, token=token), timing={"rotation_seconds": 1})
    assert (answer["asked"], answer["rotated"], answer["interrupted"]) == (True, False, True)
    assert answer["reason"] == "AWSCURRENT did not move within 1 s (timing.rotation)"
    assert answer["current_at"] is None


def test_what_secrets_manager_refuses_is_told_in_its_words(held: Held) -> None:
    held.add("of nobody", stages=(PENDING,))
    answer = watch(held)
    assert (answer["asked"], answer["rotated"]) == (True, False)
    assert answer["reason"] == (
        "Secrets Manager refused: A previous rotation isn't complete. That rotation will be"
        " reattempted."
    )
    assert not MEASURED & set(answer)
    assert held.opens()


def test_a_function_that_is_not_there_is_told_in_its_words(held: Held) -> None:
    plan = plan_of(held)
    plan["subject"]["function"] = arn("nobody")
    reason = watch(held, plan)["reason"]
    assert reason.startswith("Secrets Manager refused: Secrets Manager can't find the specified")
    assert held.labels() == {CURRENT: held.first}


def called(held: Held) -> tuple[list[str], Callable[[Call], None]]:
    """What is called of Secrets Manager from now on, and what ends that."""
    seen: list[str] = []

    def hook(call: Call) -> None:
        seen.append(call.operation)

    held.premises.emulator.before_call.append(hook)  # type: ignore[arg-type]
    return seen, hook


def test_what_plan_has_blocked_is_not_even_looked_at(held: Held) -> None:
    seen, hook = called(held)
    answer = watch(held, plan_of(held) | {"blocked": "the secret names the host evil"})
    held.premises.emulator.before_call.remove(hook)  # type: ignore[arg-type]
    assert (answer["asked"], answer["rotated"]) == (False, False)
    assert answer["reason"] == "the secret names the host evil"
    assert seen == []


def live(held: Held) -> dict[str, Any]:
    """A plan to rotate the secret itself, whose rotation is on."""
    api = held.premises.emulator.client("secretsmanager")
    api.rotate_secret(SecretId=held.arn, RotationLambdaARN=arn(FUNCTION), RotateImmediately=False)
    held.premises.emulator.secrets.wait(held.arn, PATIENCE)
    return plan_of(held, mode="live")


def test_a_secret_whose_function_is_another_by_now(held: Held) -> None:
    plan = live(held)
    plan["subject"]["function"] = arn("another")
    answer = watch(held, plan)
    assert (answer["asked"], answer["rotated"]) == (False, False)
    assert answer["reason"] == "the secret's rotation was changed since Plan looked"


def test_a_window_that_has_closed_meanwhile(held: Held) -> None:
    window = {"days": ["mon"], "start": "02:00", "end": "04:00", "timezone": "UTC"}
    answer = watch(held, live(held), window=window)
    assert (answer["asked"], answer["rotated"]) == (False, False)
    assert answer["reason"] == "the window of live rotations has closed meanwhile"
    assert held.labels() == {CURRENT: held.first}


def test_a_live_rotation_in_its_window(held: Held) -> None:
    window = {"days": ["sun"], "start": "05:00", "end": "06:00", "timezone": "UTC"}
    assert watch(held, live(held), window=window)["rotated"] is True
    assert held.opens()


def test_a_database_that_is_down_is_not_rotated(held: Held) -> None:
    with held.premises.database.down(), held.premises.expect(TryAgain, "Connection refused"):
        watch(held)
    assert held.labels() == {CURRENT: held.first}
    assert watch(held)["rotated"] is True


def test_a_secret_whose_password_is_dead_is_not_rotated(held: Held) -> None:
    held.premises.database.set_password(held.user.username, "of nobody's")
    answer = watch(held)
    assert (answer["asked"], answer["rotated"]) == (False, False)
    assert answer["reason"].startswith("AWSCURRENT is refused before it: ")
    assert answer["reason"].endswith("(28P01)")
    assert held.labels() == {CURRENT: held.first}


def test_a_secret_that_is_gone(held: Held) -> None:
    api = held.premises.emulator.client("secretsmanager")
    api.delete_secret(SecretId=held.arn, ForceDeleteWithoutRecovery=True)
    with held.premises.expect(SourceGone, "is not there any more"):
        watch(held)


def test_where_the_new_password_cannot_be_had_nothing_is_measured(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GetSecretValue of the new version is refused: it is then never tried."""
    monkeypatch.setattr(exercise, "SETTLE_SECONDS", 1.0)
    with held.premises.failing(2, "GetSecretValue") as asked:
        in_time = before("createSecret", lambda: until(lambda: len(asked) >= 2))
        with held.premises.handled_by(in_time):
            answer = watch(held)
    assert answer["rotated"] is True
    assert answer["lockout_seconds"] is None
    assert answer["logins"]["new"] == 0


def _wait(event: threading.Event) -> None:
    event.wait(PATIENCE)
