"""Rows that are locked and not changed, by one or by several, and rows that are both."""

from __future__ import annotations

from lab.writers.desk import Crew, Desk, Work


def lock_shared(desk: Desk) -> None:
    """Of rows that never change; several have them at once."""
    with desk.connection.transaction():
        first = desk.some(50)
        desk.run("SELECT FROM mill.rates WHERE id BETWEEN %s AND %s FOR SHARE", first, first + 20)
        desk.rest(0.01)


def lock_for_update(desk: Desk) -> None:
    """Some of those are changed, some are not."""
    with desk.connection.transaction():
        number = desk.some(40)
        desk.run("SELECT FROM mill.people WHERE id = %s FOR NO KEY UPDATE", number)
        if desk.now_and_then(0.5):
            desk.run("UPDATE mill.people SET name = name WHERE id = %s", number)


def have_children(desk: Desk) -> None:
    """A foreign key locks the parent, and others give it another name meanwhile."""
    parent = desk.some(40)
    with desk.connection.transaction():
        desk.run("INSERT INTO mill.people (parent, name) VALUES (%s, 'child')", parent)
        desk.run(
            "UPDATE mill.people SET name = 'ancestor ' || %s WHERE id = %s",
            desk.some(999),
            desk.some(40),
        )
    if desk.now_and_then(0.1):
        desk.run(
            "DELETE FROM mill.people WHERE id > 2040 AND id <"
            " (SELECT max(id) FROM mill.people) - 4000"
        )


def hold_shared(desk: Desk) -> None:
    """For some seconds, so that the locks of others come on top."""
    with desk.connection.transaction(force_rollback=desk.now_and_then(0.5)):
        desk.run("SELECT FROM mill.rates WHERE id <= 200 FOR KEY SHARE")
        desk.run("SELECT FROM mill.people WHERE id <= 40 FOR KEY SHARE")
        desk.rest(desk.dice.uniform(0.3, 2.0))


def lock_table(desk: Desk) -> None:
    """Nobody else gets at the table for a while."""
    with desk.connection.transaction():
        desk.run("LOCK TABLE mill.rates IN ACCESS EXCLUSIVE MODE")
        desk.rest(0.1)


WORK = (
    Work(name="select for share", do=lock_shared, times=3),
    Work(name="select for no key update", do=lock_for_update, times=3),
    Work(name="foreign keys (multixacts)", do=have_children, times=4),
    Work(name="locked table", do=lock_table, crew=Crew.UPKEEP),
    Work(name="long shared locks", do=hold_shared, crew=Crew.LONG),
)
