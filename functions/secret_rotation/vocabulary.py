"""How a report speaks of a rotation drill. Pure."""

from functions.model import CheckClass
from functions.report.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    substance=(
        CheckClass.ACCESS,
        CheckClass.ROTATION,
        CheckClass.PRIVILEGES,
        CheckClass.CUSTOM,
    ),
    proof=CheckClass.ROTATION,
    questions={
        CheckClass.ACCESS: "Does the new credential get in, is the old one dead, is TLS required?",
        CheckClass.ROTATION: "Did the rotation finish, and is the secret in order?",
        CheckClass.PRIVILEGES: "May the user do what it might before?",
        CheckClass.CUSTOM: "Does the application still get into its database?",
        CheckClass.OBJECTIVE: "Was it fast enough, and was nobody locked out?",
        CheckClass.TEARDOWN: "Is everything as it must stand?",
    },
    passed="The rotation of {source} passed its {how}{in_time}: all {checks} passed.",
    wrong="The rotation of {source} is not right: {failed} failed ({what}).",
    right="The rotation of {source} itself is right",
    unproven="Nothing is proven about the rotation of {source}",
    proves="Rotated, logged in, on time, in order: this run is a proof.",
    do_about_wrong=(
        "Do not rely on this rotation: mend what the failed checks show, then start the drill"
        " again."
    ),
    do_about_slow="Make the rotation faster or agree on another objective, then drill it again.",
    do_about_doubt=(
        "Mend the cause and start the drill again: until one passes, this rotation is unproven."
    ),
    recovery="Rotation time",
    recovery_acronym="",
    recovery_took="the rotation took",
    recovery_means="",
    recovery_excludes=(
        "Rotation time runs from the request until AWSCURRENT is on the new version. Witnessing and"
        " verifying are not part of it."
    ),
    risks_data=False,
    happened="What was rotated",
    not_happened="What was to be rotated",
    noun="rotation drill",
    titles={CheckClass.TEARDOWN: "State at the end", CheckClass.CUSTOM: "The application"},
    removal="In the end",
    removed="in order",
    removed_note="nothing is left half done",
    removal_expected="the secret opens the database, and nothing is left half done",
    removal_observed="so",
    not_removed="it is not proven that the secret opens the database in the end",
    not_proven="not looked at in the end",
    left="not in order",
    left_behind="not in order: {names} does not open the database",
    left_note="it does not open the database",
    left_detail="the steps that mend it stand at the head of the report",
    do_about_left="{names} does not open the database. Do not delete it: the steps below mend it.",
    do_about_unproven="Look whether the secret still opens the database, and mend it.",
    unverified="the rotation was not verified",
)
