"""State at T, case by case: what is listed of one key, and what it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.s3_versions.state_at import (
    ABSENT,
    ELSEWHERE_ONLY,
    EXPIRED,
    MOST_MARKERS,
    OVERWRITTEN,
    ListingOutOfOrder,
    decide,
    histories,
    plan,
    plan_elsewhere,
)
from functions.s3_versions.values import NULL, Caveat, Diff, Entry, How
from tests.unit.s3_history import SECOND, text


def history(words: str) -> list[Entry]:
    """A key's entries, newest first, from words: kind and second.

    `v` is a version, `m` a marker, `p` a version uploaded in parts, `n` a null version and `x` a
    null marker. Ids are the words themselves.
    """
    return [
        Entry(
            key="a",
            version_id=NULL if word[0] in "nx" else word,
            marker=word[0] in "mx",
            modified=f"2026-11-02T05:00:{int(word[1:]):02}",
            etag="" if word[0] in "mx" else f"{word}-3" if word[0] == "p" else word,
            latest=number == 0,
        )
        for number, word in enumerate(words.split())
    ]


def at_second(seconds: float) -> str:
    return text(round(seconds * SECOND))


@pytest.mark.parametrize(
    ("words", "seconds", "target", "caveats"),
    [
        pytest.param("v1", 5, "v1", "", id="never touched again"),
        pytest.param("v9 v7 v3 v1", 5, "v3", "", id="overwritten since"),
        pytest.param("v9 v5 v1", 5.999999, "v5", "", id="at the end of T's second, which counts"),
        pytest.param("v9 v5 v1", 5, "v5", "same_second", id="dated T"),
        pytest.param("v9 v6 v1", 5.999999, "v1", "", id="dated just after T"),
        pytest.param("m9 v1", 5, "v1", "", id="deleted since"),
        pytest.param("m9 m8 m7 v1", 5, "v1", "", id="deleted since, again and again"),
        pytest.param("m3 v1", 5, "", "", id="its newest entry before T is a marker"),
        pytest.param("v9 m3 v1", 5, "", "", id="a marker before T, and made again since"),
        pytest.param("m3 m2 m1", 5, "", "", id="markers only, before T"),
        pytest.param("m9 m8 m7", 5, "", "", id="markers only, after T"),
        pytest.param("v9", 5, "", "", id="made after T"),
        pytest.param("m9 v8", 5, "", "", id="made after T, and deleted again"),
        pytest.param("m5 v5 v1", 5.5, "", "same_second", id="put and deleted in T's second"),
        pytest.param("v5 m5 v1", 5.5, "v5", "same_second", id="deleted and put in T's second"),
        pytest.param("v5 v5 v1", 5.5, "v5", "same_second", id="put twice in T's second"),
        pytest.param("m3 v3 v1", 5, "", "", id="put and deleted in one second before T"),
        pytest.param("v3 m3 v1", 5, "v3", "", id="deleted and put in one second before T"),
        pytest.param("v8 m8 v1", 5, "v1", "", id="deleted and put in one second after T"),
        pytest.param("p3 v1", 5, "p3", "multipart", id="in parts, and perhaps completed after T"),
        pytest.param("p3 v7 v1", 5, "v1", "", id="in parts, and completed after T for sure"),
        pytest.param("v9 p3 v1", 5, "p3", "multipart", id="in parts, overwritten after T"),
        pytest.param("v4 p3 v1", 5, "v4", "", id="in parts, overwritten before T"),
        pytest.param("p9 v1", 5, "v1", "", id="in parts, begun after T"),
        pytest.param("n1", 5, "null", "", id="from before versioning"),
        pytest.param("v9 n1", 5, "null", "", id="from before versioning, overwritten with it"),
        pytest.param("n9 v1", 5, "v1", "null_overwritten", id="put while suspended, after T"),
        pytest.param("x9 v1", 5, "v1", "null_overwritten", id="deleted while suspended, after T"),
        pytest.param("v9 n3 v1", 5, "null", "", id="put while suspended, before T"),
        pytest.param("v9 x3 v1", 5, "", "", id="deleted while suspended, before T"),
        pytest.param("n9", 5, "", "null_overwritten", id="without versions, after T"),
    ],
)
def test_what_a_key_was(words: str, seconds: float, target: str, caveats: str) -> None:
    [seen] = histories(history(words), at_second(seconds))
    assert (seen.target.version_id if seen.target else "") == target
    assert " ".join(seen.caveats) == caveats


def test_a_null_version_begun_before_t_and_completed_after_it_has_overwritten_something() -> None:
    entries = history("n3 v7 v1")
    entries[0] = entries[0]._replace(etag="n3-2")
    [seen] = histories(entries, at_second(5))
    assert seen.target == entries[2]
    assert seen.caveats == (Caveat.NULL_OVERWRITTEN,)


@pytest.mark.parametrize(
    ("words", "horizon", "expired"),
    [
        pytest.param("v9", 10, True, id="the oldest is younger than T and older than the horizon"),
        pytest.param("m9", 10, True, id="a marker whose version is gone"),
        pytest.param("v20", 10, False, id="nothing can have expired since"),
        pytest.param("v9 v1", 4, False, id="what was current became noncurrent after the horizon"),
        pytest.param("v1", 4, False, id="still current"),
        pytest.param("v9 v1", 10, True, id="something between may have been of another size"),
    ],
)
def test_a_lifecycle_rule_is_a_caveat_where_it_may_have_deleted_what_was_current(
    words: str, horizon: int, expired: bool
) -> None:
    entries = history(words)
    [seen] = histories(entries, at_second(5), horizon=at_second(horizon))
    assert (Caveat.MAYBE_EXPIRED in seen.caveats) == expired
    [without] = histories(entries, at_second(5))
    assert without.caveats == ()


@pytest.mark.parametrize(
    ("words", "how", "diff"),
    [
        pytest.param("v9 v1", How.COPY, Diff.CHANGE, id="copied forward"),
        pytest.param("m9 v1", How.COPY, Diff.CREATE, id="deleted: copied forward"),
        pytest.param("v9", How.MARKER, Diff.REMOVE, id="made since: a marker"),
        pytest.param("v1", How.NOTHING, Diff.UNCHANGED, id="as it was"),
    ],
)
def test_what_is_done_with_a_key(words: str, how: How, diff: Diff) -> None:
    entries = [entry._replace(size=len(words) + n) for n, entry in enumerate(history(words))]
    [action] = plan(entries, at_second(5))
    assert (action.how, action.diff) == (how, diff)
    assert action.expects == entries[0].etag


@pytest.mark.parametrize("words", ["m9 v8", "m3 v1", "m3", "m9 m8"])
def test_what_was_absent_and_is_needs_nothing(words: str) -> None:
    assert list(plan(history(words), at_second(5))) == []


def test_what_was_absent_and_is_may_have_been_there_within_the_second_of_t() -> None:
    [action] = plan(history("m5 v1"), at_second(5.5))
    assert (action.how, action.reason) == (How.NOTHING, ABSENT)
    assert action.caveats == (Caveat.SAME_SECOND,)


def test_a_key_that_may_have_expired_is_unrestorable_whether_it_is_there_now_or_not() -> None:
    for words in ("v9", "m9"):
        for actions in (
            plan(history(words), at_second(5), horizon=at_second(10)),
            plan_elsewhere(history(words), [], at_second(5), horizon=at_second(10)),
            plan_elsewhere(history(words), history("v1"), at_second(5), horizon=at_second(10)),
        ):
            [action] = actions
            assert (action.diff, action.how) == (Diff.UNRESTORABLE, How.NOTHING)
            assert action.reason == EXPIRED


@pytest.mark.parametrize("doubts", [False, True])
def test_a_key_written_without_versions_after_t_is_not_removed(doubts: bool) -> None:
    """Nothing is dated then, so there is nothing to guess from either."""
    [action] = plan(history("n9"), at_second(5), doubts=doubts)
    assert (action.diff, action.how, action.reason) == (
        Diff.UNRESTORABLE,
        How.NOTHING,
        OVERWRITTEN,
    )


@pytest.mark.parametrize(
    ("words", "horizon", "reason", "guess"),
    [
        pytest.param("n9 v1", 0, OVERWRITTEN, (Diff.CHANGE, How.COPY, "v1"), id="null version"),
        pytest.param("x9 v1", 0, OVERWRITTEN, (Diff.CREATE, How.COPY, "v1"), id="null marker"),
        pytest.param("n9 m1", 0, OVERWRITTEN, (Diff.REMOVE, How.MARKER, ""), id="absent below it"),
        pytest.param("x9 m1", 0, OVERWRITTEN, (Diff.UNCHANGED, How.NOTHING, ""), id="markers"),
        pytest.param("v9 n8 v1", 0, OVERWRITTEN, (Diff.CHANGE, How.COPY, "v1"), id="in between"),
        pytest.param("v9 v1", 10, EXPIRED, (Diff.CHANGE, How.COPY, "v1"), id="expired"),
        pytest.param("v9 m1", 10, EXPIRED, (Diff.REMOVE, How.MARKER, ""), id="expired, absent"),
        pytest.param("n9 v1", 10, EXPIRED, (Diff.CHANGE, How.COPY, "v1"), id="both"),
        pytest.param("v9 n1", 0, "", (Diff.CHANGE, How.COPY, "null"), id="a null version of then"),
        pytest.param("v9 v1", 8, "", (Diff.CHANGE, How.COPY, "v1"), id="nothing can have expired"),
    ],
)
def test_a_key_in_doubt_is_left_alone_unless_that_is_accepted(
    words: str, horizon: int, reason: str, guess: tuple[Diff, How, str]
) -> None:
    entries = [entry._replace(size=n) for n, entry in enumerate(history(words))]
    given = {"horizon": at_second(horizon) if horizon else ""}
    [action] = plan(entries, at_second(5), **given)
    [accepted] = plan(entries, at_second(5), **given, doubts=True)
    assert (accepted.diff, accepted.how, accepted.version) == guess
    if reason:
        unrestorable = (Diff.UNRESTORABLE, How.NOTHING, "", reason)
        assert (action.diff, action.how, action.version, action.reason) == unrestorable
        assert action.caveats == accepted.caveats != ()
    else:
        assert action == accepted


@pytest.mark.parametrize("there", ["", "v3"])
@pytest.mark.parametrize("words", ["n9 v1", "n9 m1"])
def test_a_key_in_doubt_is_not_brought_elsewhere_unless_that_is_accepted(
    words: str, there: str
) -> None:
    [action] = plan_elsewhere(history(words), history(there), at_second(5))
    assert (action.diff, action.how, action.reason) == (
        Diff.UNRESTORABLE,
        How.NOTHING,
        OVERWRITTEN,
    )
    [accepted] = plan_elsewhere(history(words), history(there), at_second(5), doubts=True)
    assert accepted.diff is not Diff.UNRESTORABLE
    assert accepted.caveats == (Caveat.NULL_OVERWRITTEN,)
    assert accepted.version == ("v1" if words == "n9 v1" else "")


@pytest.mark.parametrize(
    ("words", "markers"),
    [
        pytest.param("m9 v1", ("m9",), id="one marker"),
        pytest.param("m9 m8 v1", ("m9", "m8"), id="several markers"),
        pytest.param("x9 v1", (NULL,), id="the null marker"),
        pytest.param("m9 v8 v1", (), id="a version among them"),
        pytest.param("v9 m8 v1", (), id="made again"),
        pytest.param("m9 m8", (), id="no version"),
        pytest.param("m9 m3 v1", (), id="absent at T"),
    ],
)
def test_markers_are_removed_only_where_nothing_else_lies_above(
    words: str, markers: tuple[str, ...]
) -> None:
    [seen] = histories(history(words), at_second(5))
    assert seen.markers == markers
    action = decide(seen, undelete=True, doubts=True)
    assert (action is not None and action.how is How.UNDELETE) == bool(markers)
    copied = decide(seen)
    assert copied is None or copied.how is not How.UNDELETE


@pytest.mark.parametrize("number", [MOST_MARKERS, MOST_MARKERS + 1])
def test_more_markers_than_one_request_removes_are_left(number: int) -> None:
    markers = [Entry("a", f"m{n}", True, "2026-11-02T05:00:09") for n in range(number)]
    markers[0] = markers[0]._replace(latest=True)
    [action] = plan([*markers, _below("v1")], at_second(5), undelete=True)
    assert action.how is (How.UNDELETE if number == MOST_MARKERS else How.COPY)
    assert len(action.markers) == (number if number == MOST_MARKERS else 0)


def _below(word: str) -> Entry:
    return history(word)[0]._replace(latest=False)


def test_an_archived_version_is_asked_back_first_and_undeleted_at_once() -> None:
    archived = _below("v1")._replace(storage_class="DEEP_ARCHIVE")
    marker = history("m9")[0]
    [thaw] = plan([marker, archived], at_second(5))
    [ready] = plan([marker, archived._replace(restored="ready")], at_second(5))
    [undelete] = plan([marker, archived], at_second(5), undelete=True)
    assert (thaw.how, ready.how, undelete.how) == (How.THAW, How.COPY, How.UNDELETE)
    [instant] = plan([marker, archived._replace(storage_class="GLACIER_IR")], at_second(5))
    assert instant.how is How.COPY


@pytest.mark.parametrize(
    ("etag", "size", "etags_tell", "how"),
    [
        pytest.param("0a", 9, True, How.COMPARE, id="the same bytes"),
        pytest.param("0b", 9, True, How.COPY, id="other bytes"),
        pytest.param("0a", 8, True, How.COPY, id="another size"),
        pytest.param("0b", 9, False, How.COMPARE, id="encrypted by a key, ETags tell nothing"),
        pytest.param("0b", 8, False, How.COPY, id="encrypted by a key, another size"),
        pytest.param("0b-2", 9, True, How.COMPARE, id="in parts since"),
    ],
)
def test_what_may_be_the_same_is_compared(etag: str, size: int, etags_tell: bool, how: How) -> None:
    now = history("v9")[0]._replace(etag=etag, size=size)
    then = _below("v1")._replace(etag="0a", size=9)
    [action] = plan([now, then], at_second(5), etags_tell=etags_tell)
    assert action.how is how
    [action] = plan_elsewhere([now, then], [now], at_second(5), etags_tell=etags_tell)
    assert action.how is how


@pytest.mark.parametrize(
    ("then", "now", "how"),
    [
        pytest.param("0a-2", "0b-2", How.COPY, id="as many parts"),
        pytest.param("0a-2", "0b-3", How.COMPARE, id="other parts"),
        pytest.param("0a-2", "0b", How.COMPARE, id="copied whole"),
        pytest.param("0a-2", "0a-2", How.COMPARE, id="the same parts"),
    ],
)
def test_etags_of_parts_tell_only_where_the_parts_are_as_many(
    then: str, now: str, how: How
) -> None:
    entries = [history("v9")[0]._replace(etag=now), _below("v1")._replace(etag=then)]
    [action] = plan(entries, at_second(5))
    assert action.how is how


def test_another_bucket_keeps_what_it_has_besides() -> None:
    there = [history("v1")[0]._replace(key=key) for key in ("Z", "b", "c")]
    entries = [*history("v1"), history("v9")[0]._replace(key="b")]
    actions = list(plan_elsewhere(entries, there, at_second(5)))
    assert [(one.key, one.how, one.reason) for one in actions] == [
        ("Z", How.NOTHING, ELSEWHERE_ONLY),
        ("a", How.COPY, ""),
        ("b", How.NOTHING, ELSEWHERE_ONLY),
        ("c", How.NOTHING, ELSEWHERE_ONLY),
    ]


def test_a_key_that_is_deleted_in_the_other_bucket_is_absent_there() -> None:
    [action] = plan_elsewhere(history("v1"), history("m9 v1"), at_second(5))
    assert (action.diff, action.how, action.expects) == (Diff.CREATE, How.COPY, "")


def _latest(*entries: Entry) -> list[Entry]:
    return [entry._replace(latest=True) for entry in entries]


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        pytest.param(
            _latest(Entry("b", "1", False, ""), Entry("a", "2", False, "")), "'a'", id="keys"
        ),
        pytest.param(
            _latest(Entry("\U0001f600", "1", False, ""), Entry("\uff5e", "2", False, "")),
            "'\uff5e'",
            id="keys in the order of UTF-16",
        ),
        pytest.param([Entry("a", "1", False, "")], "1 is listed first", id="newest not first"),
        pytest.param(
            _latest(Entry("a", "1", False, ""), Entry("a", "2", False, "")),
            "2 is the latest as well",
            id="two latest",
        ),
        pytest.param(
            [
                *_latest(Entry("a", "1", False, ""), Entry("b", "2", False, "")),
                Entry("a", "3", True, ""),
            ],
            "'a' is listed after 'b'",
            id="versions first, then markers",
        ),
    ],
)
def test_a_listing_in_another_order_is_refused(entries: list[Entry], named: str) -> None:
    with pytest.raises(ListingOutOfOrder, match=named):
        list(histories(entries, at_second(5)))


def test_nothing_is_held_but_one_keys_markers() -> None:
    """A key of a hundred thousand entries: what is pulled is let go."""
    alive = most = 0

    class Counted(str):
        def __new__(cls, value: str) -> Counted:
            nonlocal alive
            alive += 1
            return super().__new__(cls, value)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def many() -> Iterator[Entry]:
        nonlocal most
        for number in range(100_000):
            most = max(most, alive)
            yield Entry(
                "a",
                Counted(f"{number}"),
                number % 2 == 0,
                "2026-11-02T05:00:09",
                latest=number == 0,
            )

    [seen] = histories(many(), at_second(5))
    assert seen.target is None
    assert most < 10
