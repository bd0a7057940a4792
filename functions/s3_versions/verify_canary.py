"""A canary's objects, held against what was written: every byte, every property, every version.

Where one fault has several symptoms, the check nearest to the fault says so and the others are not
run, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from functions.model import Check, CheckClass, Status
from functions.s3_versions import objects, restore
from functions.s3_versions.canary import CLOCK, Fate, Specimen, specimens
from functions.s3_versions.manifest import Written
from functions.s3_versions.objects import Held
from functions.s3_versions.wire import Bucket

MOST_NAMED = 3
"""Of the objects that a check is not content with, how many it names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """An object of the canary as it is now: what S3 holds of it, and the digest of its bytes.

    `other` says which other version of it this is, where it is one; empty otherwise.
    """

    specimen: Specimen
    written: Written
    held: Held | None
    sha256: str = ""
    other: str = ""

    @property
    def comparable(self) -> bool:
        """Whether it is there, and not another version."""
        return self.held is not None and not self.other


def checks(
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    exercise: Mapping[str, Any],
    written: Iterable[Written],
) -> Iterator[Check]:
    """The checks of a canary's objects, each read in full."""
    bucket, attempt = plan["place"]["bucket"], witness["attempt"]
    by_key = {one.key: one for one in written}
    back = [_read(bucket, one, by_key[one.key]) for one in specimens(attempt)]
    yield _guard(bucket, exercise)
    yield _all_back(bucket, back, exercise)
    yield _right_versions(bucket, back)
    yield _very_versions(bucket, back)
    yield from (_content(one) for one in back)
    for name, expected, differs in _PROPERTIES:
        yield _property(bucket, name, expected, differs, back)
    yield _versions(plan, attempt, by_key)


def _read(bucket: str, specimen: Specimen, written: Written) -> Back:
    held = objects.head(bucket, specimen.key)
    if held is None:
        return Back(specimen=specimen, written=written, held=None)
    sha256 = objects.digest(bucket, specimen.key, held.version)
    other = "" if sha256 == written.sha256 else _other(specimen, sha256)
    return Back(specimen=specimen, written=written, held=held, sha256=sha256, other=other)


def _other(specimen: Specimen, sha256: str) -> str:
    """Which other version of an object has these bytes; empty for none."""
    newer = {2 + number: "newer" for number in range(specimen.after)}
    older = {-number: "older" for number in range(specimen.before)}
    for number, word in {**newer, **older}.items():
        if hashlib.sha256(specimen.body(number)).hexdigest() == sha256:
            return f"a {word} version"
    return ""


def _guard(bucket: str, exercise: Mapping[str, Any]) -> Check:
    return Check(
        name="compare_and_swap",
        check_class=CheckClass.PROTECTION,
        target=bucket,
        status=Status.PASSED if exercise["guarded"] else Status.FAILED,
        expected="a copy that expects another object is refused",
        observed="refused" if exercise["guarded"] else "it overwrote what was there",
    )


def _all_back(bucket: str, back: list[Back], exercise: Mapping[str, Any]) -> Check:
    gone = [one.specimen.name for one in back if one.held is None]
    return Check(
        name="brought_back",
        check_class=CheckClass.ACCESS,
        target=bucket,
        status=Status.FAILED if gone else Status.PASSED,
        expected=f"{len(back)} objects are there",
        observed=f"not there: {named(gone)}" if gone else f"{len(back)}",
        detail="; ".join(exercise["not_back_first"]) if gone else "",
    )


def _right_versions(bucket: str, back: list[Back]) -> Check:
    wrong = [f"{one.specimen.name} ({one.other})" for one in back if one.other]
    return Check(
        name="restored_version",
        check_class=CheckClass.RESTORE_POINT,
        target=bucket,
        status=Status.FAILED if wrong else Status.PASSED,
        expected="what was current at T is current again",
        observed=named(wrong) if wrong else "so, of every object that is there",
    )


def _very_versions(bucket: str, back: list[Back]) -> Check:
    """Whether what was deleted is current by its own id, and not as a copy of it."""
    undeleted = [one for one in back if one.specimen.fate is Fate.UNDELETED and one.comparable]
    copies = [
        one.specimen.name
        for one in undeleted
        if one.held and one.held.version != one.written.version
    ]
    if not undeleted:
        status, observed = Status.NOT_RUN, "none of them is there"
    elif copies:
        status, observed = Status.FAILED, f"copies of them: {named(copies)}"
    else:
        status, observed = Status.PASSED, f"so, of {len(undeleted)}"
    return Check(
        name="undeleted_version",
        check_class=CheckClass.RESTORE_POINT,
        target=bucket,
        status=status,
        expected="where a marker was removed, the very version below it is current",
        observed=observed,
    )


def _content(one: Back) -> Check:
    expected = _shown(one.written.size, one.written.sha256)
    status, observed, detail = Status.PASSED, expected, ""
    if one.held is None:
        status, observed, detail = Status.NOT_RUN, "nothing", "not there, see brought_back"
    elif one.other:
        status, observed = Status.NOT_RUN, one.other
        detail = "another version, see restored_version"
    elif one.sha256 != one.written.sha256:
        status = Status.FAILED
        observed = _shown(one.held.size, one.sha256)
    return Check(
        name="content",
        check_class=CheckClass.CONTENT,
        target=one.specimen.name,
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
    )


def _shown(size: int, sha256: str) -> str:
    return f"{size:,} B, sha256 {sha256[:12]}…"


Differs = Callable[[Back, Held], bool]


_PROPERTIES: tuple[tuple[str, str, Differs], ...] = (
    ("headers", "as written", lambda one, held: held.headers != dict(one.written.headers)),
    ("metadata", "as written", lambda one, held: held.metadata != dict(one.written.metadata)),
    ("tags", "as written", lambda one, held: held.tags != dict(one.written.tags)),
    (
        "storage_class",
        "as written",
        lambda one, held: held.storage_class != one.written.storage_class,
    ),
    (
        "encryption",
        "as of the version that was lost",
        lambda one, held: (
            (held.encryption, held.kms_key) != (one.written.encryption, one.written.kms_key)
        ),
    ),
)


def _property(bucket: str, name: str, expected: str, differs: Differs, back: list[Back]) -> Check:
    compared = [one for one in back if one.comparable]
    wrong = [
        one.specimen.name for one in compared if one.held is not None and differs(one, one.held)
    ]
    if not compared:
        status, observed = Status.NOT_RUN, "nothing to compare"
    elif wrong:
        status, observed = Status.FAILED, f"other: {named(wrong)}"
    else:
        status, observed = Status.PASSED, f"so, of {len(compared)} objects"
    return Check(
        name=name,
        check_class=CheckClass.CONTENT,
        target=bucket,
        status=status,
        expected=expected,
        observed=observed,
    )


def _versions(plan: Mapping[str, Any], attempt: str, written: Mapping[str, Written]) -> Check:
    """Whether every version and marker that was written is there, in the order of its writing."""
    bucket = plan["place"]["bucket"]
    with Bucket(bucket, client=objects.client(), owner=plan["account"]) as wire:
        listed = {
            key: [entry.version_id for entry in history]
            for key, history in groupby(
                restore.entries(wire, prefix=attempt), key=attrgetter("key")
            )
            if key != f"{attempt}{CLOCK}"
        }
    wrong = [
        f"{one.name}: {len(listed.get(one.key, []))} of {len(one.history)}"
        for one in written.values()
        if not _as_written(one, listed.get(one.key, []))
    ]
    wrong += [f"an unknown key {key!r}" for key in listed.keys() - written.keys()]
    number = sum(len(one.history) for one in written.values())
    return Check(
        name="versions",
        check_class=CheckClass.RESTORE_POINT,
        target=bucket,
        status=Status.FAILED if wrong else Status.PASSED,
        expected=f"all {number} versions and markers, in the order in which they were written",
        observed=f"not so: {named(wrong)}" if wrong else "all of them, in that order",
    )


def _as_written(one: Written, listed: list[str]) -> bool:
    """Whether the history ends with what was written, but for the marker that was removed again.

    >>> facts = dict(name="a", key="a", version="1", sha256="", size=0, headers={}, metadata={},
    ...              tags={}, storage_class="", encryption="", kms_key="")
    >>> gone = Written(fate="undeleted", history=("m", "1"), **facts)
    >>> lost = Written(fate="copied", history=("m", "1"), **facts)
    >>> [_as_written(gone, ids) for ids in (["1"], ["x", "m", "1"], [])]
    [True, True, False]
    >>> [_as_written(lost, ids) for ids in (["1"], ["x", "m", "1"], ["1", "m"])]
    [False, True, False]
    """
    history = list(one.history[1:] if one.fate == Fate.UNDELETED else one.history)
    return listed[-len(history) :] == history


def named(names: list[str]) -> str:
    """The first of the names, and how many more there are.

    >>> named(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
