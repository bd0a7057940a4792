"""The rotation function, the standing version and the way back, each left half done and mended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.errors import NotReachable, TlsFailed, TryAgain
from functions.model import Check, Status
from functions.secret_rotation import login, rollback, secrets, standing
from functions.secret_rotation.rotate import ALPHABET, PASSWORD_LENGTH, RotationFailed
from functions.secret_rotation.standing import Standing
from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS
from lab.authority import Authority
from lab.lambdas import arn
from tests.steps import rotation
from tests.steps.rotation import FUNCTION, PATIENCE, STEPS, Held, Killed, Premises, plan_of


@pytest.fixture
def held(premises: Premises) -> Iterator[Held]:
    """A secret of one test. Whatever happens to it, no password may be told."""
    yield premises.secret(team="checkout")
    premises.assert_nothing_leaked()


def settle(held: Held, *, also: Sequence[str] = ()) -> Standing:
    return standing.settle(
        held.described(), facts=held.user.facts(), ca_file=held.premises.ca_file, also=also
    )


def assert_rotated(held: Held, token: str, *, previous: str) -> None:
    assert held.labels() == {CURRENT: token, PREVIOUS: previous}
    assert held.opens()


# The four steps.


def test_four_steps_make_another_password_current(held: Held) -> None:
    token = held.rotate()
    assert_rotated(held, token, previous=held.first)
    assert not held.opens(held.first)
    before, after = held.value(held.first), held.value()
    assert len(after["password"]) == PASSWORD_LENGTH
    assert set(after["password"]) <= set(ALPHABET)
    assert {**after, "password": ""} == {**before, "password": ""}
    assert after["team"] == "checkout"
    again = held.rotate()
    assert_rotated(held, again, previous=token)


@pytest.mark.parametrize(
    "further",
    [
        pytest.param({"port": "{port}"}, id="a port that is a text"),
        pytest.param({"dbname": ""}, id="a name of a database that is empty"),
    ],
)
def test_nothing_of_a_secret_changes_but_its_password(
    premises: Premises, further: dict[str, str]
) -> None:
    user = replace(premises.database.user(), database="postgres")
    filled = {key: value.format(port=user.port) for key, value in further.items()}
    held = premises.secret(user, **filled)
    token = held.begin()
    held.do("createSecret", token)
    before, after = held.value(), held.value(token)
    assert {**after, "password": ""} == {**before, "password": ""}


def test_each_step_may_be_called_twice(held: Held) -> None:
    token = held.begin()
    made, stored = [], []
    for step in STEPS:
        for _ in range(2):
            held.do(step, token)
            made.append(held.value(token)["password"])
            stored.append(held.premises.database.stored(held.user.username))
    assert len(set(made)) == 1
    # After createSecret twice the old verifier; from setSecret on one new one, set once.
    assert len(set(stored)) == 2
    assert stored[1] == stored[0] != stored[2] == stored[-1]
    assert held.labels() == {CURRENT: token, PENDING: token, PREVIOUS: held.first}
    for step in STEPS:  # all over again, as after an answer that was lost
        held.do(step, token)
    held.take_off_pending(token)
    assert_rotated(held, token, previous=held.first)


@pytest.mark.parametrize("number", range(5))
def test_left_after_any_step_it_goes_on_with_the_same_token(held: Held, number: int) -> None:
    token = held.begin()
    for step in (*STEPS[:number], *STEPS):
        held.do(step, token)
    held.take_off_pending(token)
    assert_rotated(held, token, previous=held.first)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_left_where_secret_and_database_agree_the_next_rotation_heals(
    held: Held, number: int
) -> None:
    token = held.begin()
    for step in STEPS[:number]:
        held.do(step, token)
    held.take_off_pending(token)
    current = held.labels()[CURRENT]
    assert_rotated(held, held.rotate(), previous=current)


@pytest.mark.parametrize("number", [2, 3])
def test_left_between_setsecret_and_finishsecret_the_label_has_to_follow_first(
    held: Held, number: int
) -> None:
    """AWSPENDING is then the only label of the password that works: taken off, nothing heals."""
    token = held.begin()
    for step in STEPS[:number]:
        held.do(step, token)
    held.take_off_pending(token)
    stuck = held.begin()
    held.do("createSecret", stuck)
    with held.premises.expect(RotationFailed, "^neither AWSPENDING nor AWSCURRENT nor AWSPREV"):
        held.do("setSecret", stuck)
    held.take_off_pending(stuck)
    secrets.move_current(held.arn, to=token, off=held.first)
    assert_rotated(held, held.rotate(), previous=token)


def test_where_only_awsprevious_is_accepted_it_heals(held: Held) -> None:
    token = held.rotate()
    held.premises.database.set_password(held.user.username, held.user.password)
    assert not held.opens()
    again = held.rotate()
    assert_rotated(held, again, previous=token)
    assert f'"tried":"{token}"' in held.premises.log.getvalue()


def test_where_no_version_is_accepted_it_fails(held: Held) -> None:
    held.premises.database.set_password(held.user.username, "of nobody's")
    token = held.begin()
    held.do("createSecret", token)
    with held.premises.expect(RotationFailed, "^neither AWSPENDING"):
        held.do("setSecret", token)
    assert held.labels() == {CURRENT: held.first, PENDING: token}


def test_where_the_new_password_is_not_set_testsecret_says_so(held: Held) -> None:
    token = held.begin()
    held.do("createSecret", token)
    with held.premises.expect(login.LoginRefused, r"\(28P01\)$"):
        held.do("testSecret", token)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("host", "evil.example", "host: differs between AWSPENDING and AWSCURRENT"),
        ("port", 1, "port: differs"),
        ("dbname", "other", "dbname: differs"),
        ("engine", "aurora-postgresql", "engine: differs"),
        ("username", "root", "username: differs"),
        ("masterarn", "arn:other", "masterarn: present"),
    ],
)
def test_a_pending_version_of_another_place_is_sent_nowhere(
    held: Held, key: str, value: Any, says: str
) -> None:
    token = held.begin()
    pending = held.value() | {key: value, "password": "another-of-nobody"}
    secrets.put(held.arn, text=json.dumps(pending), token=token, stages=(PENDING,))
    before = held.premises.database.stored(held.user.username)
    with held.premises.expect(RotationFailed, f"^{says}"):
        held.do("setSecret", token)
    assert held.premises.database.stored(held.user.username) == before


def test_a_secret_of_two_users_is_none_of_ours(premises: Premises) -> None:
    held = premises.secret(masterarn="arn:master")
    token = held.begin()
    with premises.expect(RotationFailed, "^masterarn: present: expected a secret of a single user"):
        held.do("createSecret", token)
    premises.assert_nothing_leaked()


def test_a_secret_that_is_no_json_is_not_told(premises: Premises) -> None:
    held = premises.secret()
    api = premises.emulator.client("secretsmanager")
    text = json.dumps({"password": "not-even-a-secret"}) + "}"
    api.put_secret_value(SecretId=held.arn, SecretString=text)
    premises.emulator.secrets.values.discard(text)
    token = held.begin()
    with premises.expect(Exception, "not a JSON object"):
        held.do("createSecret", token)
    assert "not-even-a-secret" not in premises.told()


def test_a_certificate_of_somebody_else_changes_nothing(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = held.begin()
    held.do("createSecret", token)
    monkeypatch.setenv("DRILLS_CA_FILE", str(Authority(tmp_path).certificate))
    for step in ("setSecret", "testSecret"):
        with held.premises.expect(TlsFailed, "CERTIFICATE_VERIFY_FAILED"):
            held.do(step, token)
    monkeypatch.undo()
    assert held.opens()


def test_a_database_that_is_down_is_tried_again(held: Held) -> None:
    token = held.begin()
    held.do("createSecret", token)
    with held.premises.database.down():
        for step, failure in (("setSecret", TryAgain), ("testSecret", NotReachable)):
            with held.premises.expect(failure, "Connection refused"):
                held.do(step, token)
    for step in STEPS:
        held.do(step, token)
    assert held.opens()


def test_a_token_that_is_not_pending_is_refused(held: Held) -> None:
    for step in STEPS:
        with held.premises.expect(RotationFailed, "expected a version with AWSPENDING$"):
            held.do(step, "0" * 32)
        held.do(step, held.first)  # current already: nothing is left to do
    token = held.rotate()
    with held.premises.expect(RotationFailed, f"^ClientRequestToken: {held.first}: expected"):
        held.do("createSecret", held.first)
    assert held.labels()[CURRENT] == token


def test_a_secret_that_is_not_there(premises: Premises) -> None:
    gone = replace(premises.secret(), arn="nobody")
    with premises.expect(RotationFailed, "^SecretId: nobody: not found: expected a secret$"):
        gone.do("createSecret", "0" * 32)


def test_no_password_is_in_the_server_s_log(held: Held) -> None:
    database = held.premises.database
    database.run(f"ALTER ROLE {held.user.username} SET log_statement = 'all'")
    held.rotate()
    log = database.server.log.read_text(errors="replace")
    assert f'{held.user.username}@shop LOG:  statement: ALTER ROLE "{held.user.username}"' in log
    assert held.value()["password"] not in log


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_function_that_is_killed_once_is_called_again(held: Held, step: str, done: bool) -> None:
    """By Secrets Manager, from the first step on and with the same token."""
    killed = []

    def handler(event: Mapping[str, Any], context: object) -> None:
        dies = event["Step"] == step and not killed
        if not dies or done:
            rotation.rotate.handler(event, context)
        if dies:
            killed.append(step)
            raise Killed

    token = "f" * 31 + step[0]
    with held.premises.handled_by(handler):
        secrets.rotate(held.arn, token=token, function=arn(FUNCTION))
        held.premises.emulator.secrets.wait(held.arn, PATIENCE)
    assert killed == [step]
    assert_rotated(held, token, previous=held.first)


# The standing version.


def test_where_the_current_one_is_good_nothing_is_touched(held: Held) -> None:
    assert settle(held) == Standing(version=held.first)
    assert held.labels() == {CURRENT: held.first}


@pytest.mark.parametrize("number", [0, 1])
def test_what_is_pending_is_ended_where_the_current_one_is_good(held: Held, number: int) -> None:
    token = held.begin()
    for step in STEPS[:number]:
        held.do(step, token)
    found = settle(held)
    assert found.version == held.first
    assert found.mended == ("AWSPENDING was taken off a rotation that did not finish",)
    assert held.labels() == {CURRENT: held.first}
    assert settle(held) == Standing(version=held.first)


@pytest.mark.parametrize("number", [2, 3])
def test_where_only_the_pending_one_is_good_it_becomes_current(held: Held, number: int) -> None:
    token = held.begin()
    for step in STEPS[:number]:
        held.do(step, token)
    found = settle(held)
    assert found.version == token
    assert found.mended == (
        "AWSCURRENT was moved to the version that opens the database",
        "AWSPENDING was taken off a rotation that did not finish",
    )
    assert_rotated(held, token, previous=held.first)
    assert settle(held) == Standing(version=token)


def test_where_only_the_previous_one_is_good_it_becomes_current(held: Held) -> None:
    token = held.rotate()
    held.premises.database.set_password(held.user.username, held.user.password)
    found = settle(held)
    assert found.version == held.first
    assert found.mended == ("AWSCURRENT was moved to the version that opens the database",)
    assert_rotated(held, held.first, previous=token)
    assert settle(held) == Standing(version=held.first)


def test_where_none_is_good_nothing_stands_and_nothing_is_touched(held: Held) -> None:
    token = held.begin()
    held.do("createSecret", token)
    held.premises.database.set_password(held.user.username, "of nobody's")
    before = held.labels()
    assert settle(held) == Standing(version="")
    assert held.labels() == before


@pytest.mark.parametrize("number", [2, 3])
def test_a_version_that_lost_its_label_stands_where_it_is_named(held: Held, number: int) -> None:
    token = held.begin()
    for step in STEPS[:number]:
        held.do(step, token)
    held.take_off_pending(token)
    assert settle(held) == Standing(version="")
    assert settle(held, also=["0" * 32, token]).version == token
    assert_rotated(held, token, previous=held.first)


def test_where_the_database_does_not_answer_nothing_is_decided(held: Held) -> None:
    token = held.begin()
    for step in STEPS[:2]:
        held.do(step, token)
    before = held.labels()
    with held.premises.database.down(), held.premises.expect(TryAgain, "Connection refused"):
        settle(held)
    assert held.labels() == before
    assert settle(held).version == token


def test_a_current_version_that_cannot_be_read_does_not_stand(held: Held) -> None:
    broken = "b" * 32
    secrets.put(held.arn, text="no json", token=broken)
    held.premises.emulator.secrets.values.discard("no json")
    assert settle(held).version == held.first
    assert_rotated(held, held.first, previous=broken)


@pytest.mark.parametrize("elsewhere", [{"host": "evil.example"}, {"port": 1}, {"dbname": "x"}])
def test_a_password_goes_to_the_proven_place_and_the_secret_follows(
    premises: Premises, elsewhere: dict[str, Any]
) -> None:
    held = premises.secret(**elsewhere, team="checkout")
    found = settle(held)
    assert found.mended == ("the secret was made to lead to where the real one leads",)
    assert held.labels() == {CURRENT: found.version, PREVIOUS: held.first}
    assert held.value() == json.loads(rotation.secret_value(held.user, team="checkout"))
    assert settle(held) == Standing(version=found.version)
    premises.assert_nothing_leaked(found)


def test_a_secret_as_the_stack_makes_it_gets_its_place(premises: Premises) -> None:
    held = premises.secret()
    bare = {"username": held.user.username, "password": held.user.password}
    secrets.put(held.arn, text=json.dumps(bare), token="a" * 32)
    found = settle(held)
    assert held.credential(found.version) == held.user
    assert_rotated(held, held.rotate(), previous=found.version)


@pytest.mark.parametrize("operation", ["DescribeSecret", "GetSecretValue"])
def test_settling_that_was_cut_off_is_done_by_the_next(held: Held, operation: str) -> None:
    token = held.begin()
    for step in STEPS[:2]:
        held.do(step, token)
    with held.premises.failing(1, operation), held.premises.expect(ClientError):
        settle(held)
    assert settle(held).version == token
    assert_rotated(held, token, previous=held.first)


def test_settling_that_was_cut_off_between_two_labels_is_done_by_the_next(held: Held) -> None:
    token = held.begin()
    for step in STEPS[:2]:
        held.do(step, token)
    with (
        held.premises.failing(2, "UpdateSecretVersionStage"),
        held.premises.expect(ClientError),
    ):
        settle(held)
    assert held.labels() == {CURRENT: token, PENDING: token, PREVIOUS: held.first}
    assert settle(held) == Standing(version=token)
    assert held.described().pending == ""
    assert held.opens()


# Where a rotation has stopped.


def disagreement(held: Held, token: str) -> str:
    plan = {
        "source": {"facts": held.user.facts()},
        "subject": {"function": "arn:x:function:rotator", "log_group": "/logs"},
    }
    found = standing.disagreement(
        held.described(), token=token, plan=plan, ca_file=held.premises.ca_file
    )
    return "; ".join([found.state, *found.steps])


COMMAND = re.compile(r"aws secretsmanager (\S+)((?: --[a-z-]+ [^\s;,]+)+)")


def follow(held: Held, told: str) -> list[str]:
    """Do what a person is told to, in that order, to the letter; the names of the operations."""
    api = held.premises.emulator.client("secretsmanager")
    done = []
    for operation, text in COMMAND.findall(told):
        words = text.split()
        options = {
            "".join(part.capitalize() for part in name[2:].split("-")): value
            for name, value in zip(words[::2], words[1::2], strict=True)
        }
        getattr(api, operation.replace("-", "_"))(**options)
        held.premises.emulator.secrets.wait(held.arn, PATIENCE)
        done.append(operation)
    return done


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (0, "done: none of the four steps; stopped at createSecret; the database accepts"),
        (1, "done: createSecret; stopped at setSecret; the database accepts AWSCURRENT"),
        (2, "done: createSecret, setSecret; stopped at testSecret or finishSecret; secret and"),
        (3, "done: createSecret, setSecret; stopped at testSecret or finishSecret; secret and"),
    ],
)
def test_what_is_told_mends_it_to_the_letter(held: Held, number: int, says: str) -> None:
    token = held.begin()
    for step in STEPS[:number]:
        held.do(step, token)
    told = disagreement(held, token)
    assert told.startswith(says)
    operations = follow(held, told)
    assert operations[-2:] == ["update-secret-version-stage", "rotate-secret"]
    assert len(operations) == (3 if number > 1 else 2)
    assert held.opens()
    assert held.described().pending == ""
    assert held.labels()[CURRENT] not in (token, held.first)


def test_a_password_set_back_in_the_database_alone_is_told_and_mended(held: Held) -> None:
    held.rotate()
    token = held.begin()
    held.do("createSecret", token)
    held.premises.database.set_password(held.user.username, held.user.password)
    told = disagreement(held, token)
    assert "the database refuses AWSCURRENT and accepts AWSPREVIOUS" in told
    follow(held, told)
    assert held.opens()


def test_a_database_that_is_down_is_not_told_to_refuse(held: Held) -> None:
    token = held.begin()
    held.do("createSecret", token)
    with held.premises.database.down():
        told = disagreement(held, token)
    assert "refuses" not in told
    assert "accepts" not in told


def test_how_to_end_a_stuck_rotation_mends_it_wherever_it_is_stuck(held: Held) -> None:
    """What the check no_rotation_pending tells, of the source's own secret."""
    token = held.begin()
    for step in STEPS[:2]:
        held.do(step, token)
    follow(held, disagreement(held, token))
    assert held.opens()


# The way back.

CALLS = ("GetSecretValue", "DescribeSecret", "UpdateSecretVersionStage")


def rehearse(held: Held, token: str) -> Check:
    return rollback.rehearse(
        plan=plan_of(held, token=token),
        exercise={"from_version": held.first},
        ca_file=held.premises.ca_file,
    )


def assert_rehearsed(held: Held, token: str) -> None:
    check = rehearse(held, token)
    assert (check.status, check.observed, check.detail) == (Status.PASSED, "both did", "")
    assert_rotated(held, token, previous=held.first)
    assert not held.opens(held.first)


def test_there_and_back_ends_where_it_began(held: Held) -> None:
    token = held.rotate()
    for _ in range(2):
        assert_rehearsed(held, token)


def test_the_way_back_is_by_ten_calls(held: Held) -> None:
    """So many are cut off in the next test."""
    token = held.rotate()
    with held.premises.failing(99, *CALLS) as called:
        rehearse(held, token)
    assert len(called) == 10


@pytest.mark.parametrize("number", range(1, 11))
def test_cut_off_at_any_call_of_aws_the_next_ends_the_same(held: Held, number: int) -> None:
    token = held.rotate()
    with held.premises.failing(number, *CALLS), held.premises.expect(ClientError):
        rehearse(held, token)
    assert_rehearsed(held, token)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_cut_off_at_a_change_of_the_password_the_next_ends_the_same(
    held: Held, number: int, done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = held.rotate()
    change, calls = login.Session.change_own_password, []

    def dying(session: login.Session, user: str, password: str) -> None:
        calls.append(user)
        if len(calls) != number or done:
            change(session, user, password)
        if len(calls) == number:
            raise Killed

    monkeypatch.setattr(login.Session, "change_own_password", dying)
    with held.premises.expect(Killed):
        rehearse(held, token)
    monkeypatch.undo()
    assert_rehearsed(held, token)


def cut_off(number: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The so-manyth connection to the database does not come about."""
    connect: Callable[..., login.Driver] = login._connect
    calls: list[int] = []

    def failing(*given: Any, **options: Any) -> login.Driver:
        calls.append(len(calls) + 1)
        if calls[-1] == number:
            raise NotReachable("as asked")
        return connect(*given, **options)

    monkeypatch.setattr(login, "_connect", failing)
    return calls


@pytest.mark.parametrize("number", range(1, 7))
def test_cut_off_at_any_connection_the_next_ends_the_same(
    held: Held, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = held.rotate()
    calls = cut_off(number, monkeypatch)
    try:
        assert rehearse(held, token).status is Status.PASSED
    except TryAgain as again:
        held.premises.raised.append(again)
    assert number in calls
    monkeypatch.undo()
    assert_rehearsed(held, token)


def test_a_connection_that_is_lost_after_a_crash_is_no_failure(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = held.rotate()
    # A call died when the password was back; the next one's first connection does not come about.
    held.premises.database.set_password(held.user.username, held.user.password)
    cut_off(1, monkeypatch)
    with pytest.raises(TryAgain):
        rehearse(held, token)


def test_a_way_back_whose_password_is_dead_fails(held: Held) -> None:
    token = held.rotate()
    held.premises.database.set_password(held.user.username, "of nobody's")
    check = rehearse(held, token)
    assert (check.status, check.observed) == (Status.FAILED, "the way back failed")
    assert check.detail.endswith("(28P01)")
    held.premises.assert_nothing_leaked(check)


def test_a_way_back_whose_version_is_gone_fails(held: Held) -> None:
    token = held.rotate()
    check = rollback.rehearse(
        plan=plan_of(held, token=token),
        exercise={"from_version": "0" * 32},
        ca_file=held.premises.ca_file,
    )
    assert (check.status, check.observed) == (Status.FAILED, "the way back failed")
    assert_rotated(held, token, previous=held.first)


def test_a_way_back_while_the_database_is_down_is_tried_again(held: Held) -> None:
    token = held.rotate()
    with held.premises.database.down(), held.premises.expect(TryAgain, "Connection refused"):
        rehearse(held, token)
    assert_rehearsed(held, token)
