"""Where a rotation has stopped, and the commands that mend it: they name the right versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.secret_rotation.repair import Repair, explain
from functions.secret_rotation.values import Secret
from tests.unit.test_rotation_plan import SOURCE

TOKEN = "token-of-this-run"  # noqa: S105
STUCK = replace(
    SOURCE, stages={"v2": ("AWSCURRENT",), "v1": ("AWSPREVIOUS",), TOKEN: ("AWSPENDING",)}
)
LABEL = "aws secretsmanager update-secret-version-stage --secret-id prod/app --version-stage"
END = f"End the rotation that is stuck: {LABEL} AWSPENDING --remove-from-version-id {TOKEN}"
MEND = "Mend the rotation function rotator; it says what is wrong: aws logs tail /logs --since 1h"
AGAIN = "Only then, for it happens at once: aws secretsmanager rotate-secret --secret-id prod/app"


def told(current: str | None, pending: str | None, previous: str | None) -> dict[str, str | None]:
    return {"AWSCURRENT": current, "AWSPENDING": pending, "AWSPREVIOUS": previous}


def repair(seen: dict[str, str | None], secret: Secret = STUCK) -> Repair:
    return explain(seen, secret=secret, token=TOKEN, function="rotator", log_group="/logs")


@pytest.mark.parametrize(
    ("seen", "state", "first"),
    [
        # createSecret has not stored anything.
        (
            told("accepted", "empty", "refused"),
            "done: none of the four steps; stopped at createSecret; the database accepts"
            " AWSCURRENT",
            [],
        ),
        # setSecret has not changed the password.
        (
            told("accepted", "refused", "refused"),
            "done: createSecret; stopped at setSecret; the database accepts AWSCURRENT",
            [],
        ),
        # setSecret has changed it, and the label did not follow.
        (
            told("refused", "accepted", "refused"),
            "done: createSecret, setSecret; stopped at testSecret or finishSecret; secret and"
            " database disagree: the database refuses AWSCURRENT and accepts AWSPENDING",
            [
                f"Let people in again: {LABEL} AWSCURRENT --move-to-version-id {TOKEN}"
                " --remove-from-version-id v2"
            ],
        ),
        # An earlier one was set back in the database alone.
        (
            told("refused", "refused", "accepted"),
            "done: createSecret; stopped at setSecret; secret and database disagree: the database"
            " refuses AWSCURRENT and accepts AWSPREVIOUS",
            [
                f"Let people in again: {LABEL} AWSCURRENT --move-to-version-id v1"
                " --remove-from-version-id v2"
            ],
        ),
        # Nobody knows the password any more.
        (
            told("refused", "refused", "refused"),
            "done: createSecret; stopped at setSecret; secret and database disagree: the database"
            " refuses AWSCURRENT",
            ["Set the password of the database's user to the one that prod/app holds"],
        ),
        # Two users that alternate, or two versions with one password: both are let in.
        (
            told("accepted", "accepted", None),
            "done: createSecret; the database accepts the passwords of both versions; the database"
            " accepts AWSCURRENT",
            [],
        ),
        # The database did not answer about AWSCURRENT: nothing is said of it.
        (
            told("unknown", "empty", None),
            "done: none of the four steps; stopped at createSecret",
            [],
        ),
    ],
)
def test_where_it_stopped_and_what_mends_it(
    seen: dict[str, str | None], state: str, first: list[str]
) -> None:
    found = repair(seen)
    assert found.state == state
    assert list(found.steps) == [*first, END, MEND, AGAIN]


def test_a_version_that_lost_its_label_was_never_made() -> None:
    gone = replace(STUCK, stages={"v2": ("AWSCURRENT",), "v1": ("AWSPREVIOUS",)})
    found = repair(told("accepted", None, "refused"), gone)
    assert found.state == (
        "done: none of the four steps; stopped at createSecret; the database accepts AWSCURRENT"
    )
    assert found.steps == ()


def test_labels_that_moved_without_the_password_are_moved_back() -> None:
    moved = replace(STUCK, stages={TOKEN: ("AWSCURRENT",), "v2": ("AWSPREVIOUS",)})
    found = repair(told("refused", None, "accepted"), moved)
    assert found.state.startswith("secret and database disagree")
    assert found.steps[0].endswith(f"--move-to-version-id v2 --remove-from-version-id {TOKEN}")
    assert list(found.steps[1:]) == [MEND, AGAIN]


def test_another_s_pending_version_is_not_this_run_s() -> None:
    other = replace(STUCK, stages={"v2": ("AWSCURRENT",), "other": ("AWSPENDING",)})
    found = repair(told("accepted", "refused", None), other)
    assert found.state.startswith("the rotation to other is another one's; done: createSecret;")
    assert found.steps[0].endswith("--remove-from-version-id other")


def test_a_database_that_does_not_answer_is_said_to_be_silent() -> None:
    found = repair(told("unknown", "unknown", "unknown"))
    assert "disagree" not in found.state
    assert "accepts" not in found.state
    assert "setSecret" not in found.state
    assert END not in found.steps, "the label may be all that leads to the password"
    assert found.steps[0] == "Leave AWSPENDING where it is until the database answers"
