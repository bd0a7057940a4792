"""How a report speaks of a kind of drill: the words, where kinds differ. Pure.

The defaults are the words for a kind that restores something. In a text, {source} is the source's
name; other names in braces are filled in where the text is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.model import CheckClass

_QUESTIONS: Mapping[CheckClass, str] = {
    CheckClass.ACCESS: "Can the restored copy be logged in to?",
    CheckClass.RESTORE_POINT: "Is it the moment that was asked for?",
    CheckClass.SCHEMA: "Is every table, column, index, right and setting back?",
    CheckClass.ISOLATION: "Does nothing in the copy run by itself or reach out?",
    CheckClass.CONTENT: "Are the rows back that were there?",
    CheckClass.INTEGRITY: "Are its pages, indexes and keys whole?",
    CheckClass.CUSTOM: "Do the questions in drills.yaml get the expected answers?",
    CheckClass.OBJECTIVE: "Was it fast enough, and was little enough lost?",
    CheckClass.TEARDOWN: "Is everything gone that the drill made?",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """The words of a kind. `substance` are the classes that say whether the thing itself is right;
    `proof` is the one of them without which nothing is proven."""

    substance: tuple[CheckClass, ...] = (
        CheckClass.ACCESS,
        CheckClass.RESTORE_POINT,
        CheckClass.SCHEMA,
        CheckClass.ISOLATION,
        CheckClass.CONTENT,
        CheckClass.INTEGRITY,
        CheckClass.CUSTOM,
    )
    proof: CheckClass = CheckClass.CONTENT
    questions: Mapping[CheckClass, str] = field(default_factory=lambda: _QUESTIONS)

    passed: str = "{source} was restored as of {moment}{in_time}, and all {checks} passed."
    wrong: str = (
        "What came back from the backup of {source} is not right: {failed} failed ({what})."
    )
    right: str = "The data of {source} came back right"
    unproven: str = "Nothing is proven about the backup of {source}"
    proves: str = "Restored, compared, on time, removed: this run is a proof."

    do_about_wrong: str = (
        "Treat this backup as unproven: keep every snapshot there is, look at the failed checks,"
        " mend the cause and start the drill again."
    )
    do_about_slow: str = (
        "Make the restore faster or agree on another objective, then start the drill again."
    )
    do_about_doubt: str = (
        "Mend the cause and start the drill again: until one passes, this backup is unproven."
    )

    recovery: str = "Recovery time"
    recovery_acronym: str = "RTO"
    recovery_took: str = "recovery took"
    recovery_means: str = (
        "Recovery time: from the restore request to the first accepted login on the copy."
    )
    recovery_excludes: str = (
        "Recovery time runs from the restore request to the first accepted login. Waiting for the"
        " restore point, comparing and removing are not part of it."
    )
    risks_data: bool = True
    """Whether the kind measures an RPO, and restores to a moment."""

    happened: str = "What was restored, and from when"
    not_happened: str = "What was to be restored"
    noun: str = "backup drill"
    titles: Mapping[CheckClass, str] = field(default_factory=dict)
    """Of classes, where they are called otherwise than usual."""

    removal: str = "Removal"
    removed: str = "all gone"
    removed_note: str = "{deleted} deleted"
    removal_expected: str = "all that the plan named is gone"
    removal_observed: str = "gone: {deleted}, left: 0"
    not_removed: str = "the drill did not prove that everything it made is gone"
    not_proven: str = "not proven gone"
    left: str = "{count} left"
    left_behind: str = "left behind: {names}"
    left_note: str = "delete by hand or wait"
    left_detail: str = "the sweeper deletes it once it has expired"
    do_about_left: str = (
        "Left behind: {names}. The sweeper deletes it once it has expired; until then it costs"
        " money and holds a copy of the data, so delete it by hand if you can."
    )
    do_about_unproven: str = "Look whether anything tagged with this run is left, and delete it."
    unverified: str = "the restored copy was not verified"

    @property
    def recovery_name(self) -> str:
        """The recovery time with its acronym, where it has one."""
        return (
            f"{self.recovery} ({self.recovery_acronym})"
            if self.recovery_acronym
            else (self.recovery)
        )


RESTORE = Vocabulary()
"""The words for a kind that restores something."""
