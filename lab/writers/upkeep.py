"""Upkeep that leaves every row as it was, and the changes of tables as a whole."""

from __future__ import annotations

from lab.writers.desk import Crew, Desk, Work

RESHAPED = frozenset(
    f"mill.{name}"
    for name in ("staging", "reshaped", "growing", "replaced", "events_spare", "totals", "ages")
)
"""Tables that are truncated, rewritten, extended, replaced or moved: of those nobody may be able to
say what they held at a moment."""

_VACUUMED = (
    *("narrow", "wide", "documents", "events", "people", "queue", "tallies", "accounts", "rates"),
    *("staging", "growing"),
)


def vacuum(desk: Desk) -> None:
    """Of all tables, one after the other; it gives the empty end of each back."""
    for name in _VACUUMED:
        desk.run(f"VACUUM (ANALYZE) mill.{name}")


def freeze(desk: Desk) -> None:
    """Rows are marked as older than all transactions."""
    for name in _VACUUMED:
        desk.run(f"VACUUM (FREEZE) mill.{name}")
        desk.rest(0.05)


def rewrite(desk: Desk) -> None:
    """The same rows in another file."""
    how = desk.dice.choice(["VACUUM FULL mill.reshaped", "CLUSTER mill.reshaped USING {key}"])
    desk.run(how.format(key="reshaped_pkey"))


def retype(desk: Desk) -> None:
    """A column of another type rewrites the table."""
    [(now,)] = desk.rows(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'mill.reshaped'::regclass AND attname = 'amount'"
    )
    other = "bigint" if now == "integer" else "integer"
    desk.run(f"ALTER TABLE mill.reshaped ALTER COLUMN amount TYPE {other}")


def truncate(desk: Desk) -> None:
    """All rows go at once, and others come that every snapshot sees."""
    with desk.connection.transaction(force_rollback=desk.now_and_then(0.2)):
        desk.run(f"TRUNCATE mill.staging {desk.dice.choice(['RESTART', 'CONTINUE'])} IDENTITY")
        with desk.connection.cursor().copy("COPY mill.staging FROM STDIN (FREEZE)") as lines:
            for number in range(desk.some(800)):
                lines.write_row((number, f"line {number}"))


def add_column(desk: Desk) -> None:
    """A column comes without a rewrite, or goes."""
    [(there,)] = desk.rows(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE NOT attisdropped"
        " AND attrelid = 'mill.growing'::regclass AND attname = 'extra')"
    )
    how = "DROP COLUMN extra" if there else "ADD COLUMN extra text DEFAULT 'as if always there'"
    desk.run(f"ALTER TABLE mill.growing {how}")


def replace(desk: Desk) -> None:
    """A table makes way for another one of its name."""
    with desk.connection.transaction():
        desk.run("DROP TABLE mill.replaced")
        desk.run("CREATE TABLE mill.replaced (id int)")
        desk.run("INSERT INTO mill.replaced SELECT generate_series(1, %s)", desk.some(500))


def attach_partition(desk: Desk) -> None:
    """A table becomes a partition, or is none any more."""
    [(attached,)] = desk.rows(
        "SELECT relispartition FROM pg_class WHERE oid = 'mill.events_spare'::regclass"
    )
    how = "DETACH PARTITION mill.events_spare"
    if not attached:
        how = "ATTACH PARTITION mill.events_spare FOR VALUES FROM (200) TO (300)"
    desk.run(f"ALTER TABLE mill.events {how}")


def refresh(desk: Desk) -> None:
    """Materialized views: one in a new file, one row by row."""
    desk.run("REFRESH MATERIALIZED VIEW mill.totals")
    desk.run("REFRESH MATERIALIZED VIEW CONCURRENTLY mill.ages")


def index(desk: Desk) -> None:
    """An index comes or goes, another one is built anew."""
    [(there,)] = desk.rows("SELECT to_regclass('mill.growing_note') IS NOT NULL")
    desk.run(
        "DROP INDEX mill.growing_note"
        if there
        else "CREATE INDEX growing_note ON mill.growing (note)"
    )
    desk.run("REINDEX TABLE mill.growing")


def set_back(desk: Desk) -> None:
    """One sequence begins anew, another one is set back further each time.

    One that is set back and then passes where it was, all between two looks at it, is left out:
    nobody can tell its copy from one that has lost numbers.
    """
    desk.run("ALTER SEQUENCE mill.resets RESTART")
    desk.run("SELECT setval('mill.marks', last_value - 7) FROM mill.marks")


def redefine(desk: Desk) -> None:
    """A view gets another query, a right is given or taken away, a default is another one."""
    age = desk.some(30)
    desk.run(
        f"CREATE OR REPLACE VIEW mill.adults AS SELECT id, name FROM mill.people WHERE age > {age}"  # noqa: S608 - a number of ours
    )
    desk.run(f"ALTER TABLE mill.growing ALTER COLUMN note SET DEFAULT {desk.some(9)}")
    grant = desk.dice.choice(["GRANT SELECT ON mill.rates TO", "REVOKE SELECT ON mill.rates FROM"])
    desk.run(f"{grant} PUBLIC")


WORK = (
    Work(name="vacuum", do=vacuum, crew=Crew.UPKEEP),
    Work(name="freeze", do=freeze, crew=Crew.UPKEEP),
    Work(name="rewrite", do=rewrite, crew=Crew.RESHAPING),
    Work(name="column of another type", do=retype, crew=Crew.RESHAPING),
    Work(name="truncate", do=truncate, crew=Crew.RESHAPING),
    Work(name="column added or dropped", do=add_column, crew=Crew.RESHAPING),
    Work(name="table replaced", do=replace, crew=Crew.RESHAPING),
    Work(name="partition attached or detached", do=attach_partition, crew=Crew.RESHAPING),
    Work(name="sequence set back", do=set_back, crew=Crew.RESHAPING),
    Work(name="definitions", do=redefine, crew=Crew.RESHAPING),
    Work(name="refresh", do=refresh, crew=Crew.RESHAPING),
    Work(name="index made or dropped", do=index, crew=Crew.RESHAPING),
)
