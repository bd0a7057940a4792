"""What the fingerprint demands of a copy, over histories of definitions that change."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from functions.aurora import fingerprint
from functions.aurora.definitions import KINDS, Entry
from functions.aurora.fingerprint import Catalogs, checks, compare
from functions.model import Status

SEEN = Catalogs(before=1, after=1, objects=9, horizon=100, next_xid=200)
STATEMENTS = Path(fingerprint.__file__).with_name("sql") / "fingerprint"


def entry(name: str, line: str = "as ever", version: str = "50", **others: str) -> Entry:
    return Entry(**{"kind": "indexes", **others}, name=name, line=line, version=version)


def statuses(
    before: list[Entry], after: list[Entry], there: list[Entry], **given: object
) -> dict[str, Status]:
    compared = compare(before, after, there, catalogs=SEEN, **given)  # type: ignore[arg-type]
    return {difference.name: difference.status for difference in compared.differences}


def test_every_kind_has_its_statement() -> None:
    assert {path.stem for path in STATEMENTS.glob("*.sql")} == set(KINDS)
    for path in STATEMENTS.glob("*.sql"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("-- "), path.name
        assert "rolpassword" not in path.read_text()
        assert "subconninfo" not in path.read_text()
        assert "umoptions" not in path.read_text()


def test_what_both_readings_saw_must_be_there_and_the_same() -> None:
    was = [entry("a")]
    assert statuses(was, was, was) == {}
    assert statuses(was, was, []) == {"a": Status.FAILED}
    assert statuses(was, was, [entry("a", "invalid")]) == {"a": Status.FAILED}
    # Touched in between and back again: who knows how it was at the restore point.
    touched = [entry("a", version="150")]
    assert statuses(was, touched, was) == {}
    assert statuses(was, touched, [entry("a", "invalid")]) == {"a": Status.NOT_RUN}
    assert statuses(was, touched, []) == {"a": Status.NOT_RUN}


def test_what_one_reading_saw_may_be_there_or_not() -> None:
    new = [entry("a", version="150")]
    for there in (new, []):
        assert set(statuses([], new, there).values()) <= {Status.PASSED}
        assert set(statuses(new, [], there).values()) <= {Status.PASSED}


def test_what_neither_saw_may_have_come_and_gone() -> None:
    assert statuses([], [], [entry("a", version="150")]) == {"a": Status.PASSED}
    for version in ("99", "200", ""):
        assert statuses([], [], [entry("a", version=version)]) == {"a": Status.FAILED}, version


def test_a_thing_is_said_once() -> None:
    table = entry("s.t", kind="tables")
    key = entry("s.t.k", kind="constraints", parent="tables s.t")
    index = entry("s.i", parent="constraints s.t.k")
    was = [table, key, index]
    assert statuses(was, was, []) == {"s.t": Status.FAILED}
    assert statuses(was, was, [table]) == {"s.t.k": Status.FAILED}
    assert statuses(was, was, [], told={"s.t"}) == {}
    assert statuses([], [], was) == {"s.t": Status.FAILED}


def test_what_the_user_leaves_out_may_differ() -> None:
    was = [entry("s.t", kind="tables"), entry("s.i", parent="tables s.t")]
    assert statuses(was, was, [], excluded={"s.t"}) == {}
    assert statuses(was, was, was[:1], ignore=["indexes:s.*"]) == {}
    assert statuses(was, was, was[:1], ignore=["indexes:other.*"]) == {"s.i": Status.FAILED}


def test_a_kind_that_could_not_be_read_is_no_proof_and_no_failure() -> None:
    was = [entry("s.v", kind="views"), entry("s.i", parent="views s.v")]
    compared = compare(was, was, was[1:], catalogs=SEEN, unread={"views": "denied"})
    assert compared.differences == ()
    made = checks(
        compared, kinds=["views", "indexes"], unread={"views": "denied"}, target="d", diff="k"
    )
    assert [(c.name, c.status, c.detail) for c in made] == [
        ("views", Status.NOT_RUN, "denied"),
        ("indexes", Status.PASSED, ""),
    ]


def test_a_record_shows_a_few_lines_of_a_long_difference() -> None:
    was = [entry(f"s.i{n:03}") for n in range(100)]
    compared = compare(was, was, [], catalogs=SEEN)
    (check,) = checks(compared, kinds=["indexes"], unread={}, target="d", diff="key")
    assert check.observed == "100 missing"
    assert check.detail.splitlines()[0] == "- s.i000: as ever"
    assert check.detail.splitlines()[-1] == "and 88 lines more: key"
    assert len(list(fingerprint.diff_lines(compared))) == 101


names = st.sampled_from("abcde")
# The moments at which definitions change: the first reading is at 10, T at 15, the second at 20.
changes = st.lists(
    st.tuples(st.integers(1, 29), names, st.sampled_from(["made", "altered", "dropped"])),
    max_size=12,
    unique_by=lambda change: change[0],
)


def state(history: list[tuple[int, str, str]], moment: int) -> list[Entry]:
    """The definitions at a moment; the transaction of a change is numbered by its moment."""
    found: dict[str, Entry] = {}
    for at, name, what in sorted(history):
        if at > moment:
            break
        if what == "dropped":
            found.pop(name, None)
        else:
            found[name] = entry(name, f"{what} {at % 3}", str(at * 10))
    return list(found.values())


@given(changes)
def test_a_right_copy_of_any_history_raises_nothing(history: list[tuple[int, str, str]]) -> None:
    before, copy, after = (state(history, moment) for moment in (10, 15, 20))
    seen = Catalogs(before=1, after=1, objects=9, horizon=101, next_xid=201)
    compared = compare(before, after, copy, catalogs=seen)
    assert Status.FAILED not in {d.status for d in compared.differences}


@given(changes, names, st.sampled_from(["lost", "altered"]))
def test_what_a_copy_lacks_or_has_otherwise_is_never_passed(
    history: list[tuple[int, str, str]], name: str, how: str
) -> None:
    before, copy, after = (state(history, moment) for moment in (10, 15, 20))
    if name not in {found.name for found in copy}:
        return
    wrong = [found for found in copy if found.name != name]
    if how == "altered":
        wrong.append(entry(name, "damaged", "2500"))
    seen = Catalogs(before=1, after=1, objects=9, horizon=101, next_xid=201)
    found = {d.name: d.status for d in compare(before, after, wrong, catalogs=seen).differences}
    quiet = not any(10 < at <= 20 and changed == name for at, changed, _ in history)
    if quiet:
        assert found[name] is Status.FAILED
    elif how == "altered":
        assert found[name] is not Status.PASSED
