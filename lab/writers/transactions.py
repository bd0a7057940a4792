"""Transactions that are not straightforward: nested, given up, long, idle, prepared."""

from __future__ import annotations

import contextlib

import psycopg

from lab.writers.desk import Crew, Desk, Work

PREPARED_PREFIX = "mill-"


def roll_back(desk: Desk) -> None:
    """All that was done is taken back."""
    with desk.connection.transaction(force_rollback=True):
        _touch(desk, 20)


def use_savepoints(desk: Desk) -> None:
    """Parts are taken back. A row that is locked outside and changed inside has two marks."""
    some = desk.some(40)
    with desk.connection.transaction():
        desk.run("SELECT FROM mill.people WHERE id = %s FOR KEY SHARE", some)
        desk.run("INSERT INTO mill.people (parent, name) VALUES (%s, 'outside')", some)
        for _ in range(desk.some(4)):
            with desk.connection.transaction(force_rollback=desk.now_and_then(0.4)):
                desk.run("UPDATE mill.people SET age = age + 1 WHERE id = %s", some)
                with desk.connection.transaction(force_rollback=desk.now_and_then(0.4)):
                    desk.run("INSERT INTO mill.people (parent, name) VALUES (%s, 'in')", some)
                    desk.run("DELETE FROM mill.people WHERE id > 2040 AND id %% 7 = %s", some % 7)


def use_many_subtransactions(desk: Desk) -> None:
    """More than a snapshot can name."""
    [(newest,)] = desk.rows("SELECT max(id) FROM mill.narrow")
    desk.run("SELECT mill.nest(%s, %s)", max(1, newest - desk.some(20000)), 80)


def transfer(desk: Desk) -> None:
    """Between two accounts, in any order: some meet in the middle, and one has to give way."""
    one, other = desk.dice.sample(range(1, 4), 2)
    with desk.connection.transaction():
        desk.run("UPDATE mill.accounts SET balance = balance - 1 WHERE id = %s", one)
        desk.rest(0.03)
        desk.run("UPDATE mill.accounts SET balance = balance + 1 WHERE id = %s", other)


def serialize(desk: Desk) -> None:
    """What was read must still be so at the end."""
    with desk.connection.transaction():
        desk.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        [(total,)] = desk.rows("SELECT sum(balance) FROM mill.accounts WHERE id > 100")
        desk.rest(0.005)
        desk.run("UPDATE mill.accounts SET balance = %s WHERE id = %s", total, 100 + desk.some(10))


def stay_open(desk: Desk) -> None:
    """Writes at the begin, in the middle and at the end of some seconds; then yes or no."""
    with desk.connection.transaction(force_rollback=desk.now_and_then(0.4)):
        _touch(desk, 40)
        desk.run(
            "INSERT INTO mill.people (parent, name)"
            " SELECT id, 'of a long one' FROM mill.people WHERE id <= 40"
        )
        for _ in range(2):
            desk.rest(desk.dice.uniform(0.3, 1.5))
            with desk.connection.transaction(force_rollback=desk.now_and_then(0.3)):
                _touch(desk, 10)


def stay_idle(desk: Desk) -> None:
    """An old snapshot, and some rows, are held while nothing is done."""
    with desk.connection.transaction():
        desk.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        desk.rows("SELECT count(*) FROM mill.narrow")
        desk.run("UPDATE mill.accounts SET balance = balance WHERE id = %s", 20 + desk.some(50))
        desk.rest(desk.dice.uniform(0.5, 2.5))


def prepare(desk: Desk) -> None:
    """A transaction that outlives its session stays so for some seconds; then yes or no."""
    name = f"{PREPARED_PREFIX}{desk.name}"
    desk.run("BEGIN")
    try:
        _touch(desk, 30)
        desk.run("INSERT INTO mill.people (parent, name) VALUES (%s, 'promised')", desk.some(40))
        desk.run("SAVEPOINT inside")
        _touch(desk, 10)
        if desk.now_and_then(0.3):
            desk.run("ROLLBACK TO inside")
        desk.run(f"PREPARE TRANSACTION '{name}'")
    except psycopg.Error:
        with contextlib.suppress(psycopg.OperationalError):
            desk.run("ROLLBACK")
        raise
    desk.rest(desk.dice.uniform(0.5, 4.0))
    desk.run(f"{desk.dice.choice(['COMMIT', 'COMMIT', 'ROLLBACK'])} PREPARED '{name}'")


WORK = (
    Work(name="rollback", do=roll_back, times=3),
    Work(name="savepoints", do=use_savepoints, times=4),
    Work(name="subtransactions", do=use_many_subtransactions, times=2),
    Work(name="two accounts", do=transfer, times=4),
    Work(name="serializable", do=serialize, times=3),
    Work(name="long transaction", do=stay_open, crew=Crew.LONG, times=2),
    Work(name="idle in transaction", do=stay_idle, crew=Crew.LONG),
    Work(name="prepared transaction", do=prepare, crew=Crew.PREPARED),
)


def _touch(desk: Desk, number: int) -> None:
    """Insert, update, lock and delete so many rows that nobody else has at this moment."""
    desk.run("INSERT INTO mill.narrow (label) SELECT 'touched' FROM generate_series(1, %s)", number)
    [(newest,)] = desk.rows("SELECT max(id) FROM mill.narrow")
    found = desk.rows(
        "SELECT id FROM mill.narrow WHERE id > %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
        newest - desk.some(20000),
        number,
    )
    numbers = [one for (one,) in found]
    desk.run("UPDATE mill.narrow SET counter = -1 WHERE id = ANY (%s)", numbers[: number // 2])
    desk.run("DELETE FROM mill.narrow WHERE id = ANY (%s)", numbers[number // 2 : -2])
    first = desk.some(790)
    desk.run(
        "UPDATE mill.documents SET version = version + 1 WHERE id IN (SELECT id"
        " FROM mill.documents WHERE id BETWEEN %s AND %s FOR UPDATE SKIP LOCKED)",
        first,
        first + 2,
    )
