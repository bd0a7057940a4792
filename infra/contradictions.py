"""What is wrong with a configuration whose values are right each by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import assert_never

from functions import naming
from functions.aurora.plan import call_budget
from functions.errors import Refused
from infra.marked_yaml import KeyPath
from infra.schema import (
    AuroraDrill,
    Configuration,
    Drill,
    RotationDrill,
    S3VersionsDrill,
)

Finding = tuple[KeyPath, object, str]
"""Where, what stands there, what was expected."""

_DOCUMENT_BYTES = 65_536
_MINUTES_OF_A_DAY = 24 * 60
MOST_CLUSTERS = 10
"""The boundary on every role names each, and IAM takes 6,144 characters."""

MOST_SECRETS = 8
MOST_SECRET_CHARACTERS = 800
"""Of their names together: the boundary of the rotation drills names them, a live one twice."""

MOST_S3_DRILLS = 8
"""The boundary of the drills of buckets names each bucket, and the stack's own beside it."""

MOST_RESTORES = 4
"""The boundary of the restores names each bucket, and the one that it is restored into."""

MOST_DRILLS = 100
"""The alarm for all drills that are overdue has each as a child; a composite alarm takes 100."""

MOST_CHATS = 3
"""An alarm tells at most five topics: that of the alarms, and one of each chat."""

ALWAYS_HEARD = ("critical", "high", "medium")
"""What no deployment may leave unheard: production touched, the watch itself gone silent, a drill
that failed. Advice, which is low, may be."""


def findings(configuration: Configuration) -> Iterator[Finding]:
    """All contradictions; paths begin at the top of the file."""
    yield from _of_deployment(configuration)
    yield from _of_notify(configuration)
    yield from _between_drills(configuration)
    for position, drill in enumerate(configuration.drills):
        for path, found, expected in _of_drill(drill, configuration):
            yield ("drills", position, *path), found, expected


def _of_deployment(configuration: Configuration) -> Iterator[Finding]:
    deployment = configuration.deployment
    for position, zone in enumerate(deployment.zones):
        if zone in deployment.zones[:position]:
            yield ("deployment", "zones", position), zone, "a zone that is not in the list yet"
    names = [network.name for network in deployment.source_networks]
    for position, name in enumerate(names):
        if name in names[:position]:
            path = ("deployment", "source_networks", position, "name")
            yield path, name, "a name that no other network has"


def _of_notify(configuration: Configuration) -> Iterator[Finding]:
    """Paths begin at the top of the file."""
    for position, entry in enumerate(configuration.notify):
        given = [key for key in ("email", "slack", "teams") if getattr(entry, key) is not None]
        if len(given) != 1:
            expected = "one of email, slack and teams"
            yield ("notify", position), " and ".join(given) or "none of them", expected
    chats = [entry for entry in configuration.notify if entry.chat]
    if len(chats) > MOST_CHATS:
        expected = f"at most {MOST_CHATS}: an alarm tells no more than five topics"
        yield ("notify",), f"{len(chats)} chats", expected
    if not configuration.notify:
        expected = (
            "somebody who hears of what fails: - {email: you@example.com, severities:"
            f" [{', '.join(ALWAYS_HEARD)}]}}"
        )
        yield ("notify",), "nobody", expected
        return
    heard = {severity for entry in configuration.notify for severity in entry.severities}
    for severity in ALWAYS_HEARD:
        if severity not in heard:
            expected = f"some entry that receives {severity}: the watch itself may say so"
            yield ("notify",), f"{severity} is heard by nobody", expected


def _between_drills(configuration: Configuration) -> Iterator[Finding]:
    if (count := len(configuration.drills)) > MOST_DRILLS:
        yield ("drills",), f"{count} drills", f"at most {MOST_DRILLS} in one deployment"
    if (count := len({drill.cluster for drill in configuration.aurora})) > MOST_CLUSTERS:
        expected = f"at most {MOST_CLUSTERS} in one deployment"
        yield ("drills",), f"{count} clusters", expected
    secrets = {drill.secret for drill in configuration.rotations}
    if len(secrets) > MOST_SECRETS:
        yield ("drills",), f"{len(secrets)} secrets", f"at most {MOST_SECRETS} in one deployment"
    elif (length := sum(map(len, secrets))) > MOST_SECRET_CHARACTERS:
        expected = f"names of secrets with at most {MOST_SECRET_CHARACTERS} characters in all"
        yield ("drills",), f"{length} characters", expected
    yield from _between_buckets(configuration)
    families: dict[str, str] = {}
    names: set[str] = set()
    roles: set[tuple[str, ...]] = set()
    for position, drill in enumerate(configuration.drills):
        if drill.name in names:
            path = ("drills", position, "name")
            yield path, drill.name, "a name that no other drill has"
        names.add(drill.name)
        if isinstance(drill, S3VersionsDrill):
            continue
        if isinstance(drill, RotationDrill):
            place = (drill.role, drill.cluster or ",".join(drill.hosts))
            if drill.mode == "rehearsal" and place in roles:
                expected = "a role that no other rehearsal in this cluster has"
                yield ("drills", position, "role"), drill.role, expected
            roles |= {place} if drill.mode == "rehearsal" else set()
            continue
        family = families.setdefault(drill.cluster, drill.engine_family)
        if family != drill.engine_family:
            path = ("drills", position, "engine_family")
            yield path, drill.engine_family, f"{family}, as another drill of this cluster says"


def _of_drill(drill: Drill, configuration: Configuration) -> Iterator[Finding]:
    """Paths begin at the drill."""
    match drill:
        case AuroraDrill():
            found = list(_of_aurora(drill, configuration))
        case RotationDrill():
            found = list(_of_rotation(drill, configuration))
        case S3VersionsDrill():
            found = list(_of_s3(drill))
        case _:
            assert_never(drill)
    yield from found
    heard = {severity for entry in configuration.notify for severity in entry.severities}
    if heard and drill.severity not in (*heard, *ALWAYS_HEARD):
        yield ("severity",), drill.severity, "a severity that some entry of notify receives"
    if found:
        return
    size = len(json.dumps(configuration.document(drill)).encode())
    if size > _DOCUMENT_BYTES:
        yield (), f"{size} bytes", f"a drill of at most {_DOCUMENT_BYTES} bytes as JSON"


def _between_buckets(configuration: Configuration) -> Iterator[Finding]:
    if (count := len(configuration.s3_versions)) > MOST_S3_DRILLS:
        expected = f"at most {MOST_S3_DRILLS} in one deployment"
        yield ("drills",), f"{count} drills of buckets", expected
    written: dict[str, list[str]] = {}
    for position, drill in enumerate(configuration.drills):
        if isinstance(drill, S3VersionsDrill) and drill.writes_to_source and drill.canary.prefix:
            prefix, others = drill.canary.prefix, written.setdefault(drill.bucket, [])
            for other in others:
                if prefix.startswith(other) or other.startswith(prefix):
                    expected = f"a prefix beside {other}, which another drill of {drill.bucket} has"
                    yield ("drills", position, "canary", "prefix"), prefix, expected
            others.append(prefix)
    yield from _of_restores(configuration)


def _of_restores(configuration: Configuration) -> Iterator[Finding]:
    """Which buckets are read and written where a bucket is restored whole."""
    restores = configuration.restore_buckets
    if len(restores) > MOST_RESTORES:
        expected = f"at most {MOST_RESTORES} in one deployment"
        yield ("restore_buckets",), f"{len(restores)} buckets", expected
    read = {restore.bucket for restore in restores}
    read |= {drill.bucket for drill in configuration.s3_versions}
    for position, restore in enumerate(restores):
        at: KeyPath = ("restore_buckets", position)
        earlier = restores[:position]
        if restore.bucket in {other.bucket for other in earlier}:
            yield (*at, "bucket"), restore.bucket, "a bucket that is not in the list yet"
        if restore.undelete and not restore.in_place:
            expected = "false where the bucket is restored into another: no marker is there"
            yield (*at, "undelete"), True, expected
        if restore.in_place and restore.to is not None:
            yield (*at, "to"), restore.to, "no other bucket where in_place is true"
        elif not restore.in_place and restore.to is None:
            yield (*at, "to"), "missing", "the bucket to restore into, or in_place: true instead"
        elif restore.to == restore.bucket:
            yield (*at, "to"), restore.to, "another bucket; or in_place: true instead of to"
        elif restore.to in read:
            expected = "a bucket that is neither drilled nor restored itself"
            yield (*at, "to"), restore.to, expected
        elif restore.to and restore.to in {other.to for other in earlier}:
            yield (*at, "to"), restore.to, "a bucket that no other is restored into"


def _of_s3(drill: S3VersionsDrill) -> Iterator[Finding]:
    canary, given = drill.canary, drill.model_fields_set
    if not drill.is_canary and "canary" in given:
        yield ("canary",), "given", "no canary where mode is rehearsal: the real objects are read"
    for key in ("prefix", "at", "sample", "objects_maximum"):
        if drill.is_canary and key in given:
            expected = f"no {key} where mode is canary: a rehearsal alone has one"
            yield (key,), getattr(drill, key), expected
    if drill.is_canary and canary.place == "sibling":
        for key in ("prefix", "accept"):
            if key in canary.model_fields_set:
                expected = f"no {key} where canary.in is sibling: its bucket is the drill's own"
                yield ("canary", key), getattr(canary, key), expected
    elif drill.is_canary and not canary.prefix:
        expected = "folders for the drill alone, such as _drill/, where canary.in is bucket"
        yield ("canary", "prefix"), canary.prefix or "missing", expected
    for position, accepted in enumerate(canary.accept):
        if accepted in canary.accept[:position]:
            yield ("canary", "accept", position), accepted, "a word that is not in the list yet"
    encryption = drill.encryption
    if encryption.type == "kms" and encryption.kms_key is None:
        yield ("encryption", "kms_key"), "missing", "the ARN of the key where type is kms"
    elif encryption.type != "kms" and encryption.kms_key is not None:
        expected = f"no key where type is {encryption.type}"
        yield ("encryption", "kms_key"), encryption.kms_key, expected


def _of_rotation(drill: RotationDrill, configuration: Configuration) -> Iterator[Finding]:
    if drill.secret.rpartition(":")[2].startswith(naming.PREFIX):
        expected = f"a secret not called {naming.PREFIX}...: those are the drills' own"
        yield ("secret",), drill.secret, expected
    names = [network.name for network in configuration.deployment.source_networks]
    if drill.network is not None and drill.network not in names:
        known = ", ".join(names) or "there is none"
        expected = f"the name of one of deployment.source_networks: {known}"
        yield ("network",), drill.network, expected
    if drill.mode == "live" and drill.window is None:
        yield ("window",), "missing", "days, start, end and timezone where mode is live"
    if drill.mode == "rehearsal" and drill.window is not None:
        yield ("window",), "given", "no window where mode is rehearsal: it may run at any time"
    if drill.window and drill.window.start == drill.window.end:
        yield ("window", "end"), drill.window.end, "another time than the start"
    yield from _of_live(drill)
    if drill.cluster is None and not drill.hosts:
        expected = "the Aurora cluster that the secret opens, or hosts where it opens another"
        yield ("cluster",), "missing", expected
    for position, url in enumerate(drill.probes):
        if url in drill.probes[:position]:
            yield ("probes", position), url, "a URL that is not in the list yet"


def _of_live(drill: RotationDrill) -> Iterator[Finding]:
    """What the application's cache and the window leave no room for."""
    if drill.mode != "live":
        return
    if drill.probes and drill.timing.cache + drill.timing.rotation > drill.deadlines.verify:
        expected = "longer than timing.rotation and timing.cache together: the probes wait for both"
        yield ("deadlines", "verify"), f"{drill.deadlines.verify}s", expected
    window = drill.window
    minute, hour = drill.schedule.cron.split()[:2]
    if window is None or window.start == window.end or window.timezone != drill.schedule.timezone:
        return
    if minute.isdecimal() and hour.isdecimal():
        opens, closes = _minutes(window.start), _minutes(window.end)
        into = (int(hour) * 60 + int(minute) - opens) % _MINUTES_OF_A_DAY
        left = (closes - opens) % _MINUTES_OF_A_DAY - into
        within = f"within {window.start} to {window.end}"
        if left <= 0:
            yield ("schedule", "cron"), drill.schedule.cron, f"a time {within}"
        elif drill.schedule.window is not None and drill.schedule.window // 60 >= left:
            found = f"{drill.schedule.window // 60}m"
            yield ("schedule", "window"), found, f"one that ends {within}: less than {left}m"


def _minutes(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)


def _of_aurora(drill: AuroraDrill, configuration: Configuration) -> Iterator[Finding]:
    if drill.cluster.startswith(naming.PREFIX):
        expected = f"a cluster not called {naming.PREFIX}...: drills make and delete those"
        yield ("cluster",), drill.cluster, expected
    if drill.instance_class != "db.serverless" and "capacity" in drill.model_fields_set:
        expected = "db.serverless where a capacity is given"
        yield ("instance_class",), drill.instance_class, expected
    for position, table in enumerate(drill.exclude):
        if drill.schemas and table.partition(".")[0] not in drill.schemas:
            expected = f"a table in one of {', '.join(drill.schemas)}"
            yield ("exclude", position), table, expected
    checks = [check.name for check in drill.checks]
    for position, name in enumerate(checks):
        if name in checks[:position]:
            expected = "a name that no other check of this drill has"
            yield ("checks", position, "name"), name, expected
    if drill.capacity.min > drill.capacity.max:
        expected = f"at most capacity.max, which is {drill.capacity.max}"
        yield ("capacity", "min"), drill.capacity.min, expected
    yield from _of_levels(drill)
    yield from _of_witness(drill, configuration)
    try:
        call_budget(drill.document())
    except Refused as refused:
        if str(refused).startswith("integrity"):
            expected = "a shorter time, or a longer timing.poll"
            yield ("integrity", "budget"), f"{drill.integrity.budget}s", expected
            return
        expected = "a longer wait: an execution of these deadlines would exceed its history"
        yield ("timing", "poll"), f"{drill.timing.poll}s", expected


def _of_levels(drill: AuroraDrill) -> Iterator[Finding]:
    """The levels that no table can reach, and tables that have one and are not compared."""
    if drill.restore.at != "latest":
        expected = "counted or none: only restore.at latest has a witness of its moment"
    elif drill.witness.endpoint == "none":
        expected = "counted or none where witness.endpoint is none"
    else:
        expected = ""
    asked: dict[KeyPath, str] = {("required_level",): drill.required_level}
    asked |= {("levels", table): level for table, level in drill.levels.items()}
    for path, level in asked.items():
        if expected and level in ("exact", "bounded"):
            yield path, level, expected
    for table in drill.levels:
        if drill.schemas and table.partition(".")[0] not in drill.schemas:
            yield ("levels", table), table, f"a table in one of {', '.join(drill.schemas)}"
        elif table in drill.exclude:
            yield ("levels", table), table, "a table that is compared: it is in exclude"


def _of_witness(drill: AuroraDrill, configuration: Configuration) -> Iterator[Finding]:
    network = drill.witness.network
    if drill.witness.endpoint == "none":
        if network is not None:
            yield ("witness", "network"), network, "no network where witness.endpoint is none"
        if drill.heartbeat:
            expected = "false where witness.endpoint is none: the witness writes the markers"
            yield ("heartbeat",), True, expected
        return
    names = [known.name for known in configuration.deployment.source_networks]
    if network not in names:
        known = ", ".join(names) or "there is none"
        expected = f"the name of one of deployment.source_networks: {known}"
        yield ("witness", "network"), network or "missing", expected
