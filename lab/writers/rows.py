"""Rows come, change and go: in place, in other pages, in other partitions, by the thousand."""

from __future__ import annotations

from lab.writers.desk import Crew, Desk, Work

_KEPT = {"narrow": 40_000, "wide": 12_000, "events": 12_000, "reshaped": 8_000, "growing": 8_000}
_FIRST = 4_000  # so many of each table stay, so that there are rows of any age
_DOCUMENTS = 800


def insert(desk: Desk) -> None:
    """A few rows of several tables."""
    with desk.connection.transaction():
        desk.run("INSERT INTO mill.narrow (label) VALUES (%s)", f"new {desk.some(1000)}")
        desk.run(
            "INSERT INTO mill.wide (price, ratio, names, one) VALUES (%s, '-0', '{x}', 'new')",
            desk.some(10**6) / 1000,
        )
        desk.run("INSERT INTO mill.events (day, kind) VALUES (%s, 'new')", desk.some(200) - 1)
        desk.run("INSERT INTO mill.queue (job) VALUES ('{\"a\": 1.0}')")
        desk.run("INSERT INTO mill.cache VALUES (%s)", desk.some(1000))
        desk.run("INSERT INTO mill.staging (line) VALUES ('new')")
        desk.run("INSERT INTO mill.reshaped (amount) VALUES (%s)", desk.some(10**6))
        desk.run("INSERT INTO mill.growing (note) VALUES ('new')")


def update_in_place(desk: Desk) -> None:
    """HOT updates: no index knows the counter."""
    first = _some_narrow(desk)
    desk.run(
        "UPDATE mill.narrow SET counter = counter + 1 WHERE id BETWEEN %s AND %s",
        first,
        first + desk.some(5),
    )


def update_indexed(desk: Desk) -> None:
    """Updates that have to go into an index."""
    desk.run(
        "UPDATE mill.narrow SET label = %s WHERE id = %s", f"v{desk.some(999)}", _some_narrow(desk)
    )
    desk.run("UPDATE mill.growing SET note = note || '.' WHERE id = %s", desk.some(2000))
    desk.run("UPDATE mill.reshaped SET amount = amount + 1 WHERE id = %s", desk.some(3000))


def update_wide(desk: Desk) -> None:
    """A row becomes larger or smaller, and may have to move."""
    desk.run(
        "UPDATE mill.wide SET two = repeat('w', %s), changed = now(), exact = %s::numeric"
        " WHERE id BETWEEN %s AND %s",
        desk.some(600),
        desk.dice.choice(["1.0", "1.00", "1e-20", "NaN", "12345678901234567890.5"]),
        *_range(desk.some(4000), 3),
    )


def delete(desk: Desk) -> None:
    """A few rows go."""
    desk.run("DELETE FROM mill.narrow WHERE id = %s", _some_narrow(desk))
    desk.run(
        "DELETE FROM mill.wide WHERE id > 4000 AND one = 'nested' AND small = %s", desk.some(9)
    )


def insert_and_delete(desk: Desk) -> None:
    """Rows that only their own transaction has ever seen, and rows that hardly anybody has."""
    with desk.connection.transaction():
        desk.run("INSERT INTO mill.narrow (label) SELECT 'brief' FROM generate_series(1, 20)")
        desk.run("DELETE FROM mill.narrow WHERE label = 'brief'")
        desk.run("INSERT INTO mill.narrow (label) SELECT 'short' FROM generate_series(1, 20)")
    desk.run("DELETE FROM mill.narrow WHERE label = 'short'")


def batch(desk: Desk) -> None:
    """Thousands of rows at once; then what is too old goes."""
    with desk.connection.transaction():
        desk.run(
            "INSERT INTO mill.narrow (label) SELECT 'batch' FROM generate_series(1, %s)",
            desk.some(3000),
        )
        desk.run(
            "UPDATE mill.narrow SET counter = 0 WHERE id IN (SELECT id FROM mill.narrow"
            " WHERE id %% 97 = %s FOR UPDATE SKIP LOCKED)",
            desk.some(97) - 1,
        )
    for table, kept in _KEPT.items():
        desk.run(
            f"DELETE FROM mill.{table} WHERE id IN (SELECT id FROM mill.{table}"  # noqa: S608
            f" WHERE id > %s AND id < (SELECT max(id) FROM mill.{table}) - %s"
            " FOR UPDATE SKIP LOCKED)",
            _FIRST,
            kept,
        )


def store_out_of_line(desk: Desk) -> None:
    """Large values are written, kept through an update of others, made small, and deleted."""
    number = desk.some(_DOCUMENTS)
    match desk.some(5):
        case 1:
            desk.run(
                "UPDATE mill.documents SET body = repeat(md5(%s::text), %s) WHERE id = %s",
                desk.some(10**6),
                desk.some(300),
                number,
            )
        case 2:
            desk.run(
                "UPDATE mill.documents SET version = version + 1 WHERE id IN (SELECT id"
                " FROM mill.documents WHERE id BETWEEN %s AND %s FOR UPDATE SKIP LOCKED)",
                *_range(number, 10),
            )
        case 3:
            desk.run(
                "UPDATE mill.documents SET document = document || jsonb_build_object(%s::text, %s)"
                " WHERE id = %s",
                f"k{desk.some(50)}",
                desk.some(10**6),
                number,
            )
        case 4:
            desk.run("UPDATE mill.documents SET body = 'small' WHERE id = %s", number)
        case _:
            with desk.connection.transaction():
                desk.run("DELETE FROM mill.documents WHERE id > %s", _DOCUMENTS)
                desk.run(
                    "INSERT INTO mill.documents (document, body)"
                    " SELECT '{\"n\": 1.00}', repeat('large', 3000) FROM generate_series(1, 5)"
                )


def move_to_partition(desk: Desk) -> None:
    """A row that moves is deleted in one table and inserted into another."""
    desk.run(
        "UPDATE mill.events SET day = (day + 100) %% 200 WHERE day < 200 AND id BETWEEN %s AND %s",
        *_range(desk.some(4000), 4),
    )


def upsert(desk: Desk) -> None:
    """Insert, or update what is there; speculative insertions are given up on the way."""
    desk.run(
        "INSERT INTO mill.tallies (key) SELECT 'key ' || (%s + i) %% 40"
        " FROM generate_series(1, 5) AS i"
        " ON CONFLICT (key) DO UPDATE SET seen = mill.tallies.seen + 1",
        desk.some(40),
    )
    if desk.now_and_then(0.1):
        desk.run("DELETE FROM mill.tallies WHERE seen > 20")


def work_off_queue(desk: Desk) -> None:
    """Jobs are taken by whoever is first, done, and deleted."""
    with desk.connection.transaction():
        taken = desk.rows(
            "SELECT id FROM mill.queue ORDER BY id FOR UPDATE SKIP LOCKED LIMIT %s", desk.some(4)
        )
        desk.run("DELETE FROM mill.queue WHERE id = ANY (%s)", [number for (number,) in taken])


def use_temporary_table(desk: Desk) -> None:
    """A table that is there for a moment, and for one session."""
    with desk.connection.transaction():
        desk.run("CREATE TEMPORARY TABLE narrow (id bigint PRIMARY KEY, n int) ON COMMIT DROP")
        desk.run("INSERT INTO narrow SELECT i, i FROM generate_series(1, 50) AS i")
        desk.run(
            "UPDATE mill.narrow SET counter = t.n FROM narrow AS t"
            " WHERE t.id = mill.narrow.id AND mill.narrow.id < 10"
        )


def draw_numbers(desk: Desk) -> None:
    """Sequences go on; one begins again at its end."""
    desk.run("SELECT nextval('mill.tickets') FROM generate_series(1, 20)")
    desk.run("SELECT nextval('mill.rounds')")
    desk.run("SELECT nextval('mill.resets')")


def change_large_objects(desk: Desk) -> None:
    """One is written to, one goes, one comes."""
    with desk.connection.transaction():
        desk.rows("SELECT lo_from_bytea(0, decode(repeat('ab', %s), 'hex'))", desk.some(5000))
        found = desk.rows("SELECT oid FROM pg_largeobject_metadata ORDER BY oid LIMIT 20")
        if len(found) == 20:
            desk.rows("SELECT lo_unlink(%s::oid)", found[0][0])
        desk.rows("SELECT lo_put(%s::oid, 100, 'abc'::bytea)", found[-1][0])


WORK = (
    Work(name="insert", do=insert, times=6),
    Work(name="update in place (HOT)", do=update_in_place, times=8),
    Work(name="update of an index", do=update_indexed, times=4),
    Work(name="update of wide rows", do=update_wide, times=4),
    Work(name="delete", do=delete, times=4),
    Work(name="delete of new rows", do=insert_and_delete, times=2),
    Work(name="batch", do=batch),
    Work(name="toasted values", do=store_out_of_line, times=5),
    Work(name="move to another partition", do=move_to_partition, times=3),
    Work(name="upsert", do=upsert, times=3),
    Work(name="queue", do=work_off_queue, times=6),
    Work(name="temporary table", do=use_temporary_table),
    Work(name="sequences", do=draw_numbers, times=2),
    # One alone: those who find the same object would be in each other's way.
    Work(name="large objects", do=change_large_objects, crew=Crew.UPKEEP, times=3),
)


def _some_narrow(desk: Desk) -> int:
    """The id of a row of mill.narrow, likely, of the newer ones."""
    [(newest,)] = desk.rows("SELECT max(id) FROM mill.narrow")
    return max(1, int(newest or 1) - desk.some(_KEPT["narrow"]))


def _range(first: int, number: int) -> tuple[int, int]:
    return first, first + number
