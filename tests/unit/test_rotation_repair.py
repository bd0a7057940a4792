"""Where a rotation has stopped, and the commands that mend it: they name the right versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.secret_rotation.repair import explain, unstick
from tests.unit.test_rotation_plan import SOURCE

TOKEN = "token-of-this-run"  # noqa: S105
STUCK = replace(
    SOURCE, stages={"v2": ("AWSCURRENT",), "v1": ("AWSPREVIOUS",), TOKEN: ("AWSPENDING",)}
)
UNSTICK = (
    "to end it: aws secretsmanager update-secret-version-stage --secret-id prod/app"
    f" --version-stage AWSPENDING --remove-from-version-id {TOKEN}, then"
    " aws secretsmanager rotate-secret --secret-id prod/app (which rotates it at once)"
)


def told(current: str | None, pending: str | None, previous: str | None) -> dict[str, str | None]:
    return {"AWSCURRENT": current, "AWSPENDING": pending, "AWSPREVIOUS": previous}


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        # createSecret has not stored anything.
        (
            told("accepted", "empty", "refused"),
            "done: none of the four steps; stopped at createSecret; the database still accepts"
            f" AWSCURRENT; {UNSTICK}",
        ),
        # setSecret has not changed the password.
        (
            told("accepted", "refused", "refused"),
            "done: createSecret; stopped at setSecret; the database still accepts AWSCURRENT;"
            f" {UNSTICK}",
        ),
        # setSecret has changed it, and the label did not follow.
        (
            told("refused", "accepted", "refused"),
            "done: createSecret, setSecret; stopped at testSecret or finishSecret; secret and"
            " database disagree: the database refuses AWSCURRENT and accepts AWSPENDING; to mend"
            " it: aws secretsmanager update-secret-version-stage --secret-id prod/app"
            " --version-stage AWSCURRENT --move-to-version-id token-of-this-run"
            f" --remove-from-version-id v2; {UNSTICK}",
        ),
        # An earlier one was set back in the database alone.
        (
            told("refused", "refused", "accepted"),
            "done: createSecret; stopped at setSecret; secret and database disagree: the database"
            " refuses AWSCURRENT and accepts AWSPREVIOUS; to mend it: aws secretsmanager"
            " update-secret-version-stage --secret-id prod/app --version-stage AWSCURRENT"
            f" --move-to-version-id v1 --remove-from-version-id v2; {UNSTICK}",
        ),
        # Nobody knows the password any more.
        (
            told("refused", "refused", "refused"),
            "done: createSecret; stopped at setSecret; secret and database disagree: the database"
            f" refuses AWSCURRENT; {UNSTICK}",
        ),
        # Two users that alternate: both are let in.
        (
            told("accepted", "accepted", None),
            "done: createSecret, setSecret; stopped at testSecret or finishSecret; the database"
            f" still accepts AWSCURRENT; {UNSTICK}",
        ),
        # The database did not answer about AWSCURRENT: nothing is said of it.
        (
            told("unknown", "empty", None),
            f"done: none of the four steps; stopped at createSecret; {UNSTICK}",
        ),
    ],
)
def test_where_it_stopped_and_what_mends_it(seen: dict[str, str | None], says: str) -> None:
    assert explain(seen, secret=STUCK, token=TOKEN) == says


def test_a_version_that_lost_its_label_was_never_made() -> None:
    gone = replace(STUCK, stages={"v2": ("AWSCURRENT",), "v1": ("AWSPREVIOUS",)})
    assert explain(told("accepted", None, "refused"), secret=gone, token=TOKEN) == (
        "done: none of the four steps; stopped at createSecret; the database still accepts"
        " AWSCURRENT"
    )


def test_another_s_pending_version_is_not_this_run_s() -> None:
    other = replace(STUCK, stages={"v2": ("AWSCURRENT",), "other": ("AWSPENDING",)})
    says = explain(told("accepted", "accepted", None), secret=other, token=TOKEN)
    assert says.startswith("the rotation to other is another one's; done: createSecret, setSecret")
    assert "--remove-from-version-id other, then" in says


def test_a_database_that_does_not_answer_says_nothing_of_setsecret() -> None:
    says = explain(told("unknown", "unknown", "unknown"), secret=STUCK, token=TOKEN)
    assert "disagree" not in says
    assert "accepts" not in says
    assert UNSTICK not in says, "the label may be all that leads to the password"
    assert "leave AWSPENDING where it is until the database answers" in says


def test_a_database_that_does_not_answer_is_said_to_be_silent() -> None:
    says = explain(told("unknown", "unknown", "unknown"), secret=STUCK, token=TOKEN)
    assert "stopped at setSecret;" not in says


def test_how_to_end_it() -> None:
    assert unstick("prod/app", TOKEN) == UNSTICK
