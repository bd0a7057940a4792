"""A chunk of the copy, held against the two readings of the source. Pure: sandwich.py says why.

Every version that the source's readings know is decided by itself; all the others are compared
together, by the digest of the old rows less those that went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from functions.aurora.digest import Digest
from functions.aurora.sandwich import Sandwich, Version

MOST_DIFFERENCES: Final = 20
"""How many differences are told one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The same chunk on the copy: its old rows, every new version, and how many rows in all.

    `at_gone` are those of the old ones that stand where the source's `gone` old ones stood.
    """

    old: Digest
    new: tuple[Version, ...] = ()
    at_gone: tuple[Version, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """Which transactions the copy holds to be committed.

    `committed` lists them. From `own_from` on an id may be one that the copy has used for itself:
    no transaction from there on was under way just before T. None from `closed_after` on can have
    ended by T; None where nobody knows.
    """

    committed: frozenset[int]
    own_from: int
    closed_after: int | None

    def of(self, transactions: Iterable[int]) -> bool | None:
        """Whether they ended, all of them; None where they differ, or there is none."""
        closed = self.closed_after
        answers = {
            xid in self.committed and (closed is None or xid < closed) for xid in transactions
        }
        return answers.pop() if len(answers) == 1 else None

    def may_be_own(self, transactions: Iterable[int]) -> bool:
        """Whether one of the ids may be the copy's own."""
        return any(xid >= self.own_from for xid in transactions)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong, and where: a row's place, or the chunk where `ctid` is empty."""

    what: str
    ctid: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What came of comparing: of a chunk, or of several added up.

    `due` is the digest of what must be there, `there` of what is, both without what is undecided;
    so they are the same where all is well, also when rows have changed places. `undecided` counts
    the versions nobody can say anything of, `own` those of them that the copy may have written
    itself, `unproven` those that a second reading only long after T keeps from being decided,
    `unsure` those that may be old or written to the copy, `late` those written after T. `least` to
    `most` old rows may be there, `old` are. `differences` are the first few, `wrong` how many
    chunks had any.
    """

    due: Digest = Digest()  # noqa: RUF009 - frozen
    there: Digest = Digest()  # noqa: RUF009 - frozen
    least: int = 0
    most: int = 0
    old: int = 0
    rows: int = 0
    undecided: int = 0
    own: int = 0
    unproven: int = 0
    unsure: int = 0
    late: int = 0
    chunks: int = 0
    wrong: int = 0
    differences: tuple[Difference, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Judged:
        """What a record says.

        >>> judged = Judged(rows=3, differences=(Difference("lost", "(0,1)"),))
        >>> Judged.from_document(judged.to_document()) == judged
        True
        """
        return cls(
            **{
                **record,
                "due": Digest(**record["due"]),
                "there": Digest(**record["there"]),
                "differences": tuple(Difference(**each) for each in record["differences"]),
            }
        )

    def __add__(self, other: Judged) -> Judged:
        """Both together."""
        differences = (*self.differences, *other.differences)[:MOST_DIFFERENCES]
        return Judged(
            due=self.due + other.due,
            there=self.there + other.there,
            least=self.least + other.least,
            most=self.most + other.most,
            old=self.old + other.old,
            rows=self.rows + other.rows,
            undecided=self.undecided + other.undecided,
            own=self.own + other.own,
            unproven=self.unproven + other.unproven,
            unsure=self.unsure + other.unsure,
            late=self.late + other.late,
            chunks=self.chunks + other.chunks,
            wrong=self.wrong + other.wrong,
            differences=differences,
        )


def judge(sandwich: Sandwich, found: Found, ends: Ends) -> Judged:
    """What came of a chunk.

    >>> from functions.aurora.sandwich import Chunk
    >>> one, two = Digest(rows=1, first=5, second=7), Digest(rows=1, first=6, second=8)
    >>> chunk = Chunk(start=0, end=64, horizon=700, next_xid=705, old=one + two, rows=2)
    >>> went = Sandwich(chunk=chunk, left=one, gone=(Version("(0,2)", None, two, (711,)),))
    >>> at = Found(old=one + two, at_gone=(Version("(0,2)", None, two),))
    >>> def ends(*committed: int) -> Ends:
    ...     return Ends(committed=frozenset(committed), own_from=720, closed_after=730)
    >>> judge(went, at, ends()).differences
    ()
    >>> judge(went, at, ends(711)).differences
    (Difference(what='there, though it was deleted', ctid='(0,2)'),)
    >>> judge(went, Found(old=one), ends(711)).differences
    ()
    """
    case = _Case(sandwich, found, ends)
    case.decide_gone()
    case.decide_came()
    case.decide_others()
    return case.judged()


class _Case:
    """One chunk, while it is decided."""

    def __init__(self, sandwich: Sandwich, found: Found, ends: Ends) -> None:
        self.sandwich, self.found, self.ends = sandwich, found, ends
        self.new = {version.ctid: version for version in found.new}
        self.old_at = {version.ctid: version for version in found.at_gone}
        self.rest_due, self.rest_there = sandwich.chunk.old, found.old
        self.due, self.there = Digest(), Digest()
        self.undecided = self.own = self.unproven = self.late = 0
        self.differences: list[Difference] = []

    def decide_gone(self) -> None:
        """A version that went is there if and only if what ended it is not committed."""
        for version in self.sandwich.gone:
            there = self._take(version)
            if version.writer is None:
                self.rest_due -= version.digest
                if there:
                    self.rest_there -= there.digest
            ended = self.ends.of(version.enders)
            if ended is None or (ended and self.ends.may_be_own(version.enders)):
                self._open(version, there)
            elif ended:
                self._decide(None, there, "there, though it was deleted", version.ctid)
            else:
                self._decide(version, there, "lost", version.ctid)

    def decide_came(self) -> None:
        """A version that came is there if and only if what wrote it is committed."""
        for version in self.sandwich.came:
            there = self._take(version)
            writers = () if version.writer is None else (version.writer,)
            written = version.certain or self.ends.of(writers)
            if written and not there and not version.certain and self.ends.may_be_own(writers):
                self.undecided += 1
            elif written:
                self._decide(version, there, "lost", version.ctid)
            else:
                what = "there, though its transaction was not committed"
                self._decide(None, there, what, version.ctid)

    def decide_others(self) -> None:
        """New versions that the second reading does not know; then all old ones that it does."""
        for version in self.sandwich.glimpsed:
            if self._is_late(version):
                continue
            if there := self._take(version):
                self._decide(version, there, "lost", version.ctid)
            elif version.writer in self.ends.committed:
                self.undecided += 1
        for version in self.new.values():
            if self._is_late(version):
                self.late += 1
            else:
                self.undecided += 1
                self.own += version.writer is not None and version.writer >= self.ends.own_from
                self.unproven += not self.sandwich.listed
        if not self.sandwich.listed:
            self.unproven += self.sandwich.chunk.new + self.sandwich.omitted
        if self.sandwich.listed or not self.sandwich.lost:
            self.due += self.rest_due
            self.there += self.rest_there
            if self.sandwich.digested and self.rest_due != self.rest_there:
                self.differences.append(Difference(_amount(self.rest_due, self.rest_there)))
        else:
            self._decide_unlisted()

    def _decide_unlisted(self) -> None:
        """Old rows of which some went, and nobody knows which: their number has bounds."""
        due, there, left = self.rest_due, self.rest_there, self.sandwich.left
        self.undecided += self.sandwich.lost
        self.unproven += self.sandwich.lost
        if there in (due, left):
            return
        within = left.rows < there.rows < due.rows
        if within or (not self.sandwich.digested and left.rows <= there.rows <= due.rows):
            self.unproven += there.rows
            return
        nearest = left if there.rows <= left.rows else due
        self.due += nearest
        self.there += there
        self.differences.append(Difference(_amount(nearest, there)))

    def judged(self) -> Judged:
        """What came of it."""
        chunk = self.sandwich.chunk
        return Judged(
            due=self.due,
            there=self.there,
            least=self.sandwich.left.rows,
            most=chunk.old.rows,
            old=self.found.old.rows,
            rows=self.found.old.rows + len(self.found.new),
            undecided=self.undecided,
            own=self.own,
            unproven=self.unproven,
            late=self.late,
            chunks=1,
            wrong=bool(self.differences),
            differences=tuple(self._placed(each) for each in self.differences[:MOST_DIFFERENCES]),
        )

    def _is_late(self, version: Version) -> bool:
        """Whether its writer cannot have ended by T."""
        closed_after = self.ends.closed_after
        return closed_after is not None and (version.writer or 0) >= closed_after

    def _take(self, version: Version) -> Version | None:
        """That version on the copy, if it is there: it is not looked at again."""
        if version.writer is None:
            return self.old_at.pop(version.ctid, None)
        there = self.new.get(version.ctid)
        if there is None or there.writer != version.writer:
            return None
        return self.new.pop(version.ctid)

    def _open(self, version: Version, there: Version | None) -> None:
        """A version that may be there or not: if it is, it must be the same."""
        self.undecided += 1
        if there and there.digest != version.digest:
            self._decide(version, there, "", version.ctid)

    def _decide(self, due: Version | None, there: Version | None, what: str, ctid: str) -> None:
        if due:
            self.due += due.digest
        if there:
            self.there += there.digest
        if due and there and due.digest != there.digest:
            self.differences.append(Difference("differs", ctid))
        elif (due is None) != (there is None):
            self.differences.append(Difference(what, ctid))

    def _placed(self, difference: Difference) -> Difference:
        """A difference of the whole chunk names its blocks."""
        if difference.ctid:
            return difference
        chunk = self.sandwich.chunk
        end = "the end" if chunk.end is None else str(chunk.end - 1)
        return replace(difference, what=f"blocks {chunk.start} to {end}: {difference.what}")


def _amount(due: Digest, there: Digest) -> str:
    """How two digests differ, in words.

    >>> _amount(Digest(rows=9), Digest(rows=8)), _amount(Digest(rows=9), Digest(rows=11))
    ('at least 1 row is missing', 'at least 2 rows too many')
    >>> _amount(Digest(rows=9), Digest(rows=9, first=1))
    'rows differ'
    """
    more = there.rows - due.rows
    if not more:
        return "rows differ"
    rows = "1 row" if abs(more) == 1 else f"{abs(more)} rows"
    if more > 0:
        return f"at least {rows} too many"
    return f"at least {rows} {'is' if more == -1 else 'are'} missing"
