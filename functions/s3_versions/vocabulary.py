"""How a report speaks of a drill of object versions. Pure."""

from functions.model import CheckClass
from functions.report.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    substance=(
        CheckClass.ACCESS,
        CheckClass.RESTORE_POINT,
        CheckClass.CONTENT,
        CheckClass.PROTECTION,
    ),
    proof=CheckClass.CONTENT,
    questions={
        CheckClass.ACCESS: "Is every object there again, and can it be read?",
        CheckClass.RESTORE_POINT: "Is it the version that was current, and is every other kept?",
        CheckClass.CONTENT: "Are the bytes back, and all that is stored with them?",
        CheckClass.PROTECTION: "Does the bucket still keep what a restore needs?",
        CheckClass.OBJECTIVE: "Was it fast enough, and was nothing lost?",
        CheckClass.TEARDOWN: "Is every version and marker gone that the drill made?",
    },
    passed="Objects of {source} came back as of {moment}{in_time}, and all {checks} passed.",
    wrong="What came back of {source}, or how it is kept, is not right: {failed} failed ({what}).",
    right="The objects of {source} came back right",
    unproven="Nothing is proven about the versions of {source}",
    proves="Written, lost, brought back, compared, on time, removed: this run is a proof.",
    do_about_wrong=(
        "Do not rely on this bucket's versions: look at the failed checks, mend the cause and start"
        " the drill again."
    ),
    recovery_means=(
        "Recovery time: from the request until the last object is back, read or copied."
    ),
    recovery_excludes=(
        "Recovery time runs from the request until the last object is back. Writing, comparing and"
        " removing are not part of it."
    ),
    happened="What was brought back, and from when",
    not_happened="What was to be brought back",
    removal_observed="gone: {deleted}, left: 0",
    left_detail="the bucket's lifecycle rule deletes it in the drill's own buckets",
    do_about_left=(
        "Left behind: {names}. Delete it by id (aws s3api delete-object --version-id ...); in the"
        " drill's own buckets a lifecycle rule does in the end."
    ),
    do_about_unproven="List the versions below the run's prefix, and delete what is there by id.",
    unverified="what came back was not verified",
)
