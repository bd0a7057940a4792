"""Every damage that a copy can have turns exactly its check red; a copy without one, none."""

from __future__ import annotations

import pytest

from functions import clock
from lab.damage import Damage, inflict, list_damages
from lab.postgres import Server
from tests.steps.fingerprint.conftest import Estate

TIMING = {"poll_seconds": 1, "restorable_margin_seconds": 0}
DAMAGES = [damage for damage in list_damages() if damage.kind == "aurora" and damage.in_steps]


def damaged(estate: Estate, damage: Damage) -> Server:
    """A copy with the damage; one that runs past its moment has whatever came later, too."""
    asked = clock.parse(estate.drilled.witnessed["restore_time"])
    moment = damage.restore_time(asked)
    if moment is None:
        estate.company.source.archive_now()
        copy = estate.company.servers.restore("ran-past", source=estate.company.source, until=None)
        estate.company.copies.append(copy)
    else:
        copy = estate.company.restore(moment)
    with copy.connect(estate.company.database) as connection:
        inflict(damage, connection)
    return copy


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_each_turns_exactly_its_check_red(estate: Estate, damage: Damage) -> None:
    outcome = estate.judge(damaged(estate, damage), timing={**TIMING, "login_seconds": 1})
    own = [(name, target) for name, target in outcome.red() if name not in damage.also]
    assert [name for name, _ in own] == [damage.check], outcome.red()


def test_a_copy_without_damage_has_nothing_red(estate: Estate) -> None:
    outcome = estate.judge(estate.copy())
    assert outcome.red() == []
    assert outcome.unsure() == []
