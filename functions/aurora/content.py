"""What tables hold, by digest: the same statements on both sides, a range of blocks at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from functions.aurora import database
from functions.aurora.chunks import OPEN_END, Blocks, Place, Row, Server, Storage
from functions.aurora.database import Session
from functions.aurora.digest import Column, Digest, Kind, Type


def read_columns(session: Session, oids: Collection[int]) -> dict[int, list[Column]]:
    """The columns of these tables, in order."""
    found: dict[int, list[Column]] = {oid: [] for oid in oids}
    for row in session.all("digest_columns", oids=list(oids)):
        column = Column(
            name=row["name"], type=row["type"], shown=row["shown"], number=row["number"]
        )
        found[row["oid"]].append(column)
    return found


def read_types(session: Session, oids: Collection[int]) -> dict[int, Type]:
    """These types and all that they are made of."""
    return {
        row["oid"]: Type(
            oid=row["oid"],
            name=row["name"],
            kind=Kind(row["kind"]),
            extension=row["extension"],
            of=row["of"],
            fields=tuple(zip(row["field_names"], row["field_types"], strict=True)),
            send=row["send"],
            output=row["output"],
            raw_text=row["raw_text"],
            labels=tuple(zip(row["label_oids"], row["labels"], strict=True)),
        )
        for row in session.all("digest_types", types=list(oids))
    }


def read_keys(session: Session, oids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """The columns by which a row is told from all others, of the tables that have such."""
    return {
        row["oid"]: tuple(row["columns"]) for row in session.all("digest_keys", oids=list(oids))
    }


def read_storage(session: Session, oids: Collection[int]) -> dict[int, Storage]:
    """Where these tables are stored, of those that are still there."""
    return {
        row.pop("oid"): Storage(**row) for row in session.all("digest_storage", oids=list(oids))
    }


def read_server(session: Session) -> Server:
    """What the digests of a server depend on."""
    return Server(**session.one("digest_side"))


def digest_blocks(session: Session, place: Place, blocks: Blocks) -> Digest:
    """The digest of the rows in these blocks."""
    row = session.one("digest_blocks", parts=_parts(place, blocks), **_range(blocks))
    return _digest(row)


def digest_buckets(
    session: Session, place: Place, blocks: Blocks, *, buckets: int
) -> dict[int, Digest]:
    """The same, of each bucket by itself: a bucket is what remains of a key's digest."""
    rows = session.all(
        "digest_buckets", parts=_parts(place, blocks), mask=buckets - 1, **_range(blocks)
    )
    return {row["bucket"]: _digest(row) for row in rows}


def list_rows(
    session: Session,
    place: Place,
    blocks: Blocks,
    *,
    buckets: int,
    chosen: Collection[int],
    since: int,
) -> list[Row]:
    """The rows in these blocks whose bucket is chosen; those of `since` and after it are late."""
    rows = session.all(
        "digest_rows",
        parts=_parts(place, blocks),
        mask=buckets - 1,
        chosen=list(chosen),
        since=str(since % 2**32),
        **_range(blocks),
    )
    return [Row(row["ctid"], row["key"], row["digest"], row["late"]) for row in rows]


def _parts(place: Place, blocks: Blocks) -> dict[str, database.Part]:
    return {
        "table": database.table(place.schema, place.name),
        "digest": database.expression(place.digest),
        "key": database.expression(place.key),
        # Without a range it is a sequential scan, which spares the server's cache.
        "blocks": database.NOTHING if blocks == Blocks() else database.part("in_blocks"),
    }


def _range(blocks: Blocks) -> dict[str, str]:
    if blocks == Blocks():
        return {}
    end = OPEN_END if blocks.end is None else blocks.end
    return {"start": f"({blocks.start},0)", "end": f"({end},0)"}


def _digest(row: Mapping[str, int]) -> Digest:
    return Digest(rows=int(row["rows"]), first=int(row["first"]), second=int(row["second"]))
