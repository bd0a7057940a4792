"""drills.yaml: what is accepted, and the one line that each error is."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.kinds import KINDS
from infra.config import SCHEMA, ConfigurationError, load, parse, schema_text
from infra.contradictions import MOST_CLUSTERS
from tests.infra.samples import DEPLOYMENT, WINDOW, configuration, content

ROOT = Path(__file__).parents[2]
SAMPLE = (ROOT / "drills.yaml").read_text()

NETWORK = {"name": "main", "subnets": ["subnet-0a1b2c3d"], "security_group": "sg-0a1b2c3d"}


def errors(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    return caught.value.lines


def put(path: str, value: Any) -> str:
    """The sample with a value put at a path such as drills.0.name."""
    changed = copy.deepcopy(content(objectives={}))
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    place: Any = changed
    for step in steps:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[int(step)]
    if last == len(place):
        place.append(value)
    else:
        place[last] = value
    return json.dumps(changed)


class TestSample:
    def test_it_is_accepted_by_the_code_and_by_the_schema(self) -> None:
        loaded = load(ROOT / "drills.yaml")
        assert [drill.name for drill in loaded.drills] == [
            "aurora-prod-monthly",
            "aurora-prod-any-day",
            "secret-prod-monthly",
            "files-prod-monthly",
        ]
        import yaml

        Draft202012Validator(json.loads(SCHEMA.read_text())).validate(yaml.safe_load(SAMPLE))

    def test_its_first_drill_is_the_document_that_the_line_carries(self) -> None:
        document = load(ROOT / "drills.yaml").aurora[0].document()
        checks = document.pop("checks")
        assert [sorted(check) for check in checks] == [["expect", "name", "sql"]] * 2
        assert document == {
            "name": "aurora-prod-monthly",
            "kind": "aurora",
            "cluster": "fibonacci-aurora-cluster-prod",
            "engine_family": "aurora-postgresql15",
            "database": "fibonacci",
            "schemas": ["nigredo_leads"],
            "exclude": [],
            "restore": {"from": "point-in-time", "at": "latest"},
            "required_level": "exact",
            "levels": {},
            "instance_class": "db.serverless",
            "capacity": {"min": 0.5, "max": 4.0},
            "objectives": {"rpo_seconds": 300, "rto_seconds": 1800},
            "heartbeat": True,
            "witness": {"endpoint": "reader", "share": 100},
            "freshness": [
                {
                    "table": "nigredo_leads.leads",
                    "column": "created_at",
                    "within_seconds": 86400,
                }
            ],
            "fingerprint": {"ignore": [], "comments": False},
            "integrity": {
                "level": "quick",
                "budget_seconds": 600,
                "foreign_keys": "not-valid",
                "required": False,
            },
            "roles": {"verifier": "backup_drills_verifier"},
            "retention_days_minimum": 7,
            "require_encryption": True,
            "parameter_groups": {
                "cluster": "drill-aurora-postgresql15",
                "instance": "drill-aurora-postgresql15",
            },
            "deadlines": {
                "restorable_seconds": 1800,
                "restore_seconds": 10800,
                "instance_seconds": 3600,
                "verify_seconds": 14400,
                "teardown_seconds": 3600,
            },
            "timing": {
                "poll_seconds": 30,
                "restorable_margin_seconds": 60,
                "login_seconds": 600,
                "snapshot_seconds": 120,
            },
            "severity": "medium",
        }

    def test_a_drill_s_own_objective_goes_before_the_common_one(self) -> None:
        first, second = load(ROOT / "drills.yaml").aurora
        assert (first.objectives.rpo, first.objectives.rto) == (300, 1800)
        assert (second.objectives.rpo, second.objectives.rto) == (300, 2700)

    def test_values_cannot_be_changed(self) -> None:
        loaded = load(ROOT / "drills.yaml")
        with pytest.raises(ValueError, match="frozen"):
            loaded.drills[0].name = "other"  # type: ignore[misc]


def test_the_published_schema_is_current() -> None:
    assert SCHEMA.read_text() == schema_text(), "run: python -m infra.config"


DRILL = "drills.0"


@pytest.mark.parametrize(
    ("path", "value", "found", "expected"),
    [
        ("deployment.stack", "Drills", "Drills", "the name of the stack"),
        ("deployment.zones", ["sa-east-1a"], '["sa-east-1a"]', "two or three"),
        ("deployment.zones.0", "saeast1a", "saeast1a", "two or three"),
        ("deployment.zones.1", "sa-east-1a", "sa-east-1a", "a zone that is not in the list yet"),
        ("deployment.cidr", "8.8.8.0/24", "8.8.8.0/24", "a private IPv4 network"),
        ("deployment.cidr", "10.0.0.0/28", "10.0.0.0/28", "from /16 to /26"),
        ("deployment.s3_prefix_list", "any", "any", "the id of the region's S3 prefix list"),
        ("deployment.source_networks.0.name", "My Net", "My Net", "a word"),
        ("deployment.source_networks.1", NETWORK, "main", "a name that no other network has"),
        ("deployment.source_networks.0.subnets", [], "[]", "a list of subnets"),
        ("deployment.source_networks.0.subnets.0", "10.0.0.0", "10.0.0.0", "a list of subnets"),
        ("deployment.source_networks.0.security_group", "x", "x", "a security group"),
        ("deployment.evidence.lock_mode", "on", "on", "governance, compliance"),
        ("deployment.evidence.lock", "1h", "1h", "a duration from 1d to 3650d"),
        ("deployment.log_retention_days", 31, "31", "a number of days: 30, 60"),
        ("deployment.permissions.source_keys", ["alias/x"], "alias/x", "the ARNs of the keys"),
        ("notify", [{"email": "a", "severities": ["high"]}], "a", "an e-mail address"),
        ("notify", [{"email": "a@b.c", "severities": ["loud"]}], "loud", "a list of critical"),
        ("notify", [{"email": "a@b.c", "severities": []}], "[]", "a list of critical"),
        ("objectives.rpo", 300, "300", "a duration from 1s to 30d"),
        ("objectives.rto", "90d", "90d", "a duration from 1m to 30d"),
        ("drills", [], "[]", "a list of drills"),
        (f"{DRILL}.name", "Aurora", "Aurora", "39 at most"),
        (f"{DRILL}.name", "a--b", "a--b", "single hyphens"),
        (f"{DRILL}.name", "a-", "a-", "single hyphens"),
        (f"{DRILL}.name", "a" * 40, "a" * 40, "39 at most"),
        (f"{DRILL}.kind", "s3", "s3", "aurora"),
        (f"{DRILL}.cluster", "arn:aws:rds:x", "arn:aws:rds:x", "the identifier of the Aurora"),
        (f"{DRILL}.cluster", "drill-a", "drill-a", "drills make and delete those"),
        (f"{DRILL}.engine_family", "postgres15", "postgres15", "aurora-postgresql15"),
        (f"{DRILL}.database", "", "", "the name of a database"),
        (f"{DRILL}.schemas", "public", "public", "a list of the schemas"),
        (f"{DRILL}.exclude", ["leads"], "leads", "each as schema.table"),
        (f"{DRILL}.integrity", "all", "all", "level, budget, foreign_keys and required"),
        (f"{DRILL}.integrity.level", "deep", "deep", "none, quick (pages"),
        (f"{DRILL}.integrity.budget", "2h", "7200s", "a shorter time, or a longer timing.poll"),
        (f"{DRILL}.integrity.budget", "3h", "3h", "from 10s to 2h"),
        (f"{DRILL}.integrity.foreign_keys", "some", "some", "none, not-valid"),
        (f"{DRILL}.integrity.required", "heap", "heap", "true or false"),
        (f"{DRILL}.fingerprint", "all", "all", "ignore and comments"),
        (
            f"{DRILL}.fingerprint.ignore",
            ["public.tmp_*"],
            "public.tmp_*",
            "kind:name, as in indexes:sales.tmp_*",
        ),
        (f"{DRILL}.fingerprint.comments", "some", "some", "whether comments are compared"),
        (f"{DRILL}.exclude", ["other.leads"], "other.leads", "a table in one of public"),
        (f"{DRILL}.restore.from", "snapshot", "snapshot", "comes in a later version"),
        (f"{DRILL}.restore.at", "yesterday", "yesterday", "latest, oldest, random, or an RFC"),
        (f"{DRILL}.restore.at", "2026-11-02T05:00:00", "2026-11-02T05:00:00", "with a zone"),
        (f"{DRILL}.required_level", "full", "full", "exact, bounded, counted or none"),
        (f"{DRILL}.levels", "bounded", "bounded", "by schema.table"),
        (f"{DRILL}.levels", {"leads": "none"}, "leads", "schema.table"),
        (f"{DRILL}.levels", {"public.leads": "loose"}, "loose", "exact, bounded, counted or none"),
        (f"{DRILL}.levels", {"other.leads": "none"}, "other.leads", "a table in one of public"),
        (f"{DRILL}.schedule.cron", "0 5 * * *", "0 5 * * *", "has 5 fields"),
        (f"{DRILL}.schedule.cron", "0 5 1 * 2 *", "0 5 1 * 2 *", "exactly one of the two"),
        (f"{DRILL}.schedule.timezone", "Sao_Paulo", "Sao_Paulo", "America/Sao_Paulo"),
        (f"{DRILL}.schedule.enabled", "yes", "yes", "true or false"),
        (f"{DRILL}.instance_class", "large", "large", "db.r7g.large"),
        (f"{DRILL}.capacity.min", 0, "0", "from 0.5 to 256"),
        (f"{DRILL}.capacity.min", 0.7, "0.7", "in steps of 0.5"),
        (f"{DRILL}.capacity.min", 5, "5.0", "at most capacity.max, which is 4.0"),
        (f"{DRILL}.capacity.max", 257, "257", "from 1 to 256"),
        (f"{DRILL}.objectives.rto", "fast", "fast", "a duration from 1m to 30d"),
        (f"{DRILL}.heartbeat", 1, "1", "true or false"),
        (f"{DRILL}.witness.network", "dmz", "dmz", "deployment.source_networks: main"),
        (f"{DRILL}.witness.endpoint", "any", "any", "reader, writer or none"),
        (f"{DRILL}.checks", [{"name": "", "sql": "x", "expect": "> 0"}], "", "what the report"),
        (f"{DRILL}.checks", [{"name": "a", "sql": "", "expect": "> 0"}], "", "one SELECT"),
        (f"{DRILL}.checks", [{"name": "a", "sql": "x", "expect": "many"}], "many", "a comparison"),
        (
            f"{DRILL}.checks",
            [{"name": "a", "sql": "x", "expect": "> 0"}] * 2,
            "a",
            "a name that no other check of this drill has",
        ),
        (
            f"{DRILL}.freshness",
            [{"table": "t", "column": "c", "within": "1d"}],
            "t",
            "schema.table",
        ),
        (
            f"{DRILL}.freshness",
            [{"table": "s.t", "column": "", "within": "1d"}],
            "",
            "the column that holds",
        ),
        (
            f"{DRILL}.freshness",
            [{"table": "s.t", "column": "c", "within": "1s"}],
            "1s",
            "a duration from 1m to 366d",
        ),
        (f"{DRILL}.roles.verifier", "Verifier", "Verifier", "the database role"),
        (f"{DRILL}.retention_days_minimum", 36, "36", "from 1 to 35"),
        (f"{DRILL}.require_encryption", None, "null", "true or false"),
        (f"{DRILL}.deadlines.restorable", "1s", "1s", "a duration from 1m to 6h"),
        (f"{DRILL}.deadlines.restore", "25h", "25h", "a duration from 1m to 24h"),
        (f"{DRILL}.deadlines.instance", 60, "60", "a duration from 1m to 24h"),
        (f"{DRILL}.deadlines.verify", "4 h", "4 h", "a duration from 1m to 24h"),
        (f"{DRILL}.deadlines.teardown", "-1h", "-1h", "a duration from 1m to 24h"),
        (f"{DRILL}.timing.poll", "1s", "1s", "a duration from 10s to 10m"),
        (f"{DRILL}.timing.poll", "10s", "10s", "would exceed its history"),
        (f"{DRILL}.timing.restorable_margin", "1h", "1h", "a duration from 1s to 30m"),
        (f"{DRILL}.timing.login", "2h", "2h", "a duration from 10s to 1h"),
        (f"{DRILL}.timing.snapshot", "5s", "5s", "a duration from 10s to 10m"),
        (f"{DRILL}.timing.snapshot", "11m", "11m", "a duration from 10s to 10m"),
        (f"{DRILL}.severity", "severe", "severe", "critical, high, medium or low"),
        (f"{DRILL}.database", "${AWS::Region}", "${AWS::Region}", "text without ${"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_where_what_and_why(
    path: str, value: Any, found: str, expected: str
) -> None:
    says_where_what_and_why(errors(put(path, value)), path, found, expected)


@pytest.mark.parametrize(
    ("path", "value", "found", "expected"),
    [
        ("secret", "prod app", "prod app", "the name or the whole ARN of the secret"),
        ("secret", "rds!cluster-1", "rds!cluster-1", "a secret that a function rotates: RDS"),
        ("secret", "drill-rotation-x", "drill-rotation-x", "a secret not called drill-..."),
        ("mode", "real", "real", "rehearsal (a secret of the drill's own is rotated) or live"),
        ("mode", "live", "missing", "days, start, end and timezone where mode is live"),
        ("window", WINDOW, "given", "no window where mode is rehearsal"),
        ("window.days", [], "[]", "a list of mon, tue"),
        ("window.days", ["sunday"], "sunday", "a list of mon, tue"),
        ("window.start", "2:00", "2:00", "when it opens, in quotes, such as"),
        ("window.end", "24:00", "24:00", "when it closes, in quotes, such as"),
        ("window.end", "04:00", "04:00", "another time than the start"),
        ("window.timezone", "Sao_Paulo", "Sao_Paulo", "an IANA time zone"),
        ("function", "a b", "a b", "managed (the stack makes the rotation function)"),
        ("network", "elsewhere", "elsewhere", "one of deployment.source_networks: main"),
        ("role", "Rotation", "Rotation", "the database role of the rehearsal"),
        ("kms_key", "alias/prod", "alias/prod", "the ARN of the key that encrypts the secret"),
        ("cluster", "Prod", "Prod", "the identifier of the Aurora cluster that the secret opens"),
        ("cluster", None, "missing", "the Aurora cluster that the secret opens"),
        ("hosts", ["proxy prod"], "proxy prod", "a list of hosts that the secret may name"),
        ("rotation_days_maximum", 0, "0", "from 1 to 1000"),
        ("require_tls", "yes", "yes", "true or false"),
        ("probes", ["http://a.example/"], "http://a.example/", "https://, a host name"),
        ("probes", ["https://10.0.0.1/"], "https://10.0.0.1/", "https://, a host name"),
        ("probes", ["https://[::1]/"], "https://[::1]/", "https://, a host name"),
        ("probes", ["https://localhost/"], "https://localhost/", "https://, a host name"),
        ("probes", ["https://u:p@a.example/"], "https://u:p@a.example/", "no address, user"),
        ("probes", ["https://a.example:99/"], "https://a.example:99/", "no address, user, port"),
        ("probes", ["https://a.example/?k=1"], "https://a.example/?k=1", "port, query"),
        ("probes", ["https://a.internal/"], "https://a.internal/", "https://, a host name"),
        ("probes", ["https://a.example/"] * 2, "https://a.example/", "not in the list yet"),
        ("objectives.rotation", "2h", "2h", "a duration from 1s to 1h"),
        ("objectives.lockout", "0s", "0s", "a duration from 1s to 1h"),
        ("deadlines.verify", "1m", "1m", "a duration from 5m to 24h"),
        ("deadlines.teardown", 9, "9", "a duration from 1m to 24h"),
        ("timing.poll", "1s", "1s", "a duration from 10s to 10m"),
        ("timing.rotation", "14m", "14m", "a duration from 1m to 13m"),
        ("timing.cache", "3h", "3h", "a duration from 1s to 2h"),
        ("severity", "severe", "severe", "critical, high, medium or low"),
    ],
)
def test_so_is_one_of_a_rotation(path: str, value: Any, found: str, expected: str) -> None:
    key = path.split(".")[0]
    sample: dict[str, Any] = {"kind": "secret_rotation"}
    if key == "window" and path != key:
        inner = path.partition(".")[2]
        sample |= {"mode": "live", "window": {**WINDOW, inner: value}}
    elif "." in path:
        sample[key] = {path.partition(".")[2]: value}
    else:
        sample[key] = value
    lines = errors(json.dumps(content(sample)))
    says_where_what_and_why(lines, f"drills.0.{path}", found, expected)


def test_a_live_rotation_has_a_window() -> None:
    drill = configuration({"kind": "secret_rotation", "mode": "live", "window": WINDOW}).rotations
    assert drill[0].window is not None
    assert drill[0].window.model_dump(mode="json") == WINDOW


def test_a_live_rotation_is_scheduled_within_its_window_and_has_time_for_its_probes() -> None:
    live = {"kind": "secret_rotation", "mode": "live", "window": WINDOW}
    late = {**live, "schedule": {"cron": "30 7 8 * ? *", "timezone": "America/Sao_Paulo"}}
    (line,) = errors(json.dumps(content(late)))
    assert "schedule.cron: 30 7 8 * ? *: expected a time within 04:00 to 06:00" in line
    elsewhere = {**late, "schedule": {"cron": "30 7 8 * ? *", "timezone": "UTC"}}
    assert configuration(elsewhere), "another zone is not computed: Plan refuses"
    slow = {**live, "probes": ["https://a.example/"], "timing": {"cache": "2h"}}
    (line,) = errors(json.dumps(content(slow)))
    assert "deadlines.verify: 7200s: expected longer than timing.rotation and" in line


def test_two_rehearsals_in_one_cluster_need_two_roles() -> None:
    ours = {"kind": "secret_rotation"}
    two = {**ours, "name": "b", "secret": "prod/b"}
    (line,) = errors(json.dumps(content(ours, two)))
    assert "drills[1].role: backup_drills_rotation: expected a role that no other" in line
    assert configuration(ours, {**two, "role": "other"}).rotations[1].role == "other"
    assert configuration(ours, {**two, "cluster": "prod-2"})


def test_the_stack_s_own_rotation_function_is_named_for_its_network() -> None:
    """A secret names its function: the order of drills must not change that."""
    ours = {"kind": "secret_rotation"}
    assert configuration(ours).rotations[0].rotation_function == "drill-rotate-main"
    assert configuration({**ours, "function": "own"}).rotations[0].rotation_function == "own"
    outside = {**ours, "network": None}
    assert configuration(outside).rotations[0].rotation_function == "drill-rotate-anywhere"
    long = {"name": f"n{'x' * 62}", "subnets": ["subnet-0a1b2c3d"], "security_group": "sg-0a1b2c3d"}
    text = json.dumps(
        content({**ours, "network": long["name"]})
        | {"deployment": {**DEPLOYMENT, "source_networks": [long]}}
    )
    name = parse(text).rotations[0].rotation_function
    assert len(name) == 64


def says_where_what_and_why(lines: tuple[str, ...], path: str, found: str, expected: str) -> None:
    (line,) = lines
    place, key, rest = line.split(": ", 2)
    assert place == "drills.yaml:1"
    assert key.startswith(path.split(".")[0])
    assert rest.startswith(f"{found}: expected ")
    assert expected in rest
    assert "\n" not in line


class TestEveryKey:
    """A key of the schema without a test above would be a key whose error nobody has seen."""

    def test_has_a_wrong_value_in_these_files(self) -> None:
        text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_config*.py"))
        for name, definition in json.loads(SCHEMA.read_text())["$defs"].items():
            for key in definition["properties"]:
                spelled = (f'.{key}"', f'"{key}"', f".{key}.")
                assert any(each in text for each in spelled), f"{name}.{key}"

    def test_says_what_it_is(self) -> None:
        schema = json.loads(SCHEMA.read_text())
        for name, definition in schema["$defs"].items():
            assert definition["additionalProperties"] is False
            for key, value in definition["properties"].items():
                assert value["description"], f"{name}.{key}"


class TestMissingAndUnknown:
    @pytest.mark.parametrize(
        "key",
        ["name", "cluster", "engine_family", "database", "schedule", "witness"],
    )
    def test_a_missing_key_is_named_at_the_line_of_what_lacks_it(self, key: str) -> None:
        changed = content()
        del changed["drills"][0][key]
        (line,) = errors(json.dumps(changed, indent=1))
        assert f"drills[0].{key}: missing: expected " in line
        drill = json.dumps(changed, indent=1).splitlines().index(' "drills": [') + 2
        assert line.startswith(f"drills.yaml:{drill}: ")

    def test_an_unknown_key_shows_the_nearest_known_one(self) -> None:
        (line,) = errors(put("drills.0.databse", "app"))
        assert line.endswith("drills[0].databse: unknown key: expected database?")
        (line,) = errors(put("deployment.colour", "red"))
        assert "deployment.colour: unknown key: expected one of stack, zones, " in line

    @pytest.mark.parametrize(("kind", "found"), [("auroro", "auroro"), (None, "missing"), (7, "7")])
    def test_a_kind_that_is_not_known_lists_those_that_are(self, kind: object, found: str) -> None:
        changed = content()
        changed["drills"][0]["kind"] = kind
        if kind is None:
            del changed["drills"][0]["kind"]
        (line,) = errors(json.dumps(changed))
        assert line.endswith(f"drills[0].kind: {found}: expected one of {', '.join(KINDS)}")

    def test_nothing_but_a_mapping_is_a_configuration(self) -> None:
        assert errors("")[0].startswith("drills.yaml:1: null: expected ")
        assert errors("- a")[0].startswith("drills.yaml:1: ")


class TestAllAtOnce:
    def test_every_error_has_the_line_it_stands_on(self) -> None:
        text = (
            SAMPLE.replace("engine_family: aurora-postgresql15", "engine_family: mysql8", 1)
            .replace("at: latest", "at: sometime")
            .replace("within: 24h", "within: 0h")
        )
        wrong = ("engine_family: mysql8", "at: sometime", "within: 0h")
        rows = [
            next(row for row, line in enumerate(text.splitlines(), 1) if each in line)
            for each in wrong
        ]
        found = [int(line.split(":")[1]) for line in errors(text)]
        assert found == sorted(rows)

    def test_a_wrong_common_objective_is_told_once_and_where_it_stands(self) -> None:
        (line,) = errors(SAMPLE.replace("rpo: 5m", "rpo: 5"))
        assert ": objectives.rpo: 5: expected a duration" in line

    def test_two_drills_of_one_name_and_one_cluster_with_two_families(self) -> None:
        text = json.dumps(content({}, {"engine_family": "aurora-postgresql16"}))
        first, second = errors(text)
        assert "drills[1].name: monthly: expected a name that no other drill has" in first
        assert "drills[1].engine_family: aurora-postgresql16: expected aurora-post" in second

    def test_a_severity_that_nobody_hears_of(self) -> None:
        heard = {"email": "a@b.c", "severities": ["critical", "high", "medium"]}
        (line,) = errors(json.dumps(content({"severity": "low"}, notify=[heard])))
        assert "drills[0].severity: low: expected a severity that some entry of notify" in line
        assert configuration({"severity": "low"}, notify=[heard, {**heard, "severities": ["low"]}])

    def test_the_boundary_holds_only_so_many_clusters(self) -> None:
        many = [{"name": f"d{n}", "cluster": f"c{n}"} for n in range(MOST_CLUSTERS + 1)]
        (line,) = errors(json.dumps(content(*many)))
        assert f"{MOST_CLUSTERS + 1} clusters: expected at most {MOST_CLUSTERS}" in line
        assert len(configuration(*many[:-1]).drills) == MOST_CLUSTERS

    def test_a_drill_must_fit_into_the_document(self) -> None:
        checks = [{"name": f"c{n}", "sql": "x" * 8000, "expect": "> 0"} for n in range(9)]
        (line,) = errors(json.dumps(content({"checks": checks})))
        assert "bytes: expected a drill of at most 65536 bytes as JSON" in line


class TestRestorePointAndWitness:
    @pytest.mark.parametrize("level", ["exact", "bounded"])
    @pytest.mark.parametrize("at", ["random", "oldest", "2026-11-02T05:00:00Z"])
    def test_a_moment_that_nobody_witnessed_cannot_be_compared(self, at: str, level: str) -> None:
        past = {"restore": {"at": at}, "required_level": level}
        (line,) = errors(json.dumps(content(past)))
        assert f"drills[0].required_level: {level}: expected counted or none" in line
        counted = {**past, "required_level": "counted", "levels": {"public.log": "none"}}
        assert configuration(counted).drills[0].restore.at == at
        (line,) = errors(json.dumps(content({**counted, "levels": {"public.log": level}})))
        assert f"drills[0].levels.public.log: {level}: expected counted or none" in line

    @pytest.mark.parametrize("level", ["exact", "bounded"])
    def test_a_drill_without_a_witness_says_so_throughout(self, level: str) -> None:
        nobody = {"witness": {"endpoint": "none"}, "required_level": level}
        first, second = errors(json.dumps(content(nobody)))
        assert f"drills[0].required_level: {level}: expected counted or none" in first
        assert "drills[0].heartbeat: true: expected false" in second
        right = {**nobody, "heartbeat": False, "required_level": "counted"}
        witness = configuration(right).drills[0].document()["witness"]
        assert witness == {"endpoint": "none", "share": 100}
        (line,) = errors(json.dumps(content({**right, "levels": {"public.log": level}})))
        assert f"drills[0].levels.public.log: {level}: expected counted or none" in line
        right["witness"] = {"endpoint": "none", "network": "main"}
        (line,) = errors(json.dumps(content(right)))
        assert "drills[0].witness.network: main: expected no network" in line

    def test_exact_is_what_is_required_unless_another_level_is_given(self) -> None:
        (drill,) = configuration({"levels": {"public.log": "bounded"}}).aurora
        assert drill.document()["required_level"] == "exact"
        assert drill.document()["levels"] == {"public.log": "bounded"}

    def test_a_table_that_is_not_compared_has_no_level(self) -> None:
        both = {"exclude": ["public.log"], "levels": {"public.log": "none"}}
        (line,) = errors(json.dumps(content(both)))
        assert "public.log: expected a table that is compared: it is in exclude" in line

    def test_a_capacity_is_for_serverless_alone(self) -> None:
        changed = {"instance_class": "db.r7g.large", "capacity": {"min": 1}}
        (line,) = errors(json.dumps(content(changed)))
        assert "instance_class: db.r7g.large: expected db.serverless where a capacity" in line
        assert configuration({"instance_class": "db.r7g.large"})


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("drills: [", "drills.yaml:1: expected the node content, but found '<stream end>'"),
            ("a: b: c", "drills.yaml:1: mapping values are not allowed here"),
            ("drills:\n\t- a", "drills.yaml:2: found character '\\t'"),
            ("a: 1\na: 2", "drills.yaml:2: a: a key given twice: expected each key once"),
            ("a: !!set {b, c}", "drills.yaml:1: a: the tag tag:yaml.org,2002:set: expected a"),
            ("a: !!python/object:os.x {}", "drills.yaml:1: a: the tag "),
            ("5: a", "drills.yaml:1: 5: expected a key that is a word"),
            ("? [a, b]\n: c", "drills.yaml:1: a key of several parts: expected a key"),
            ("a: &b [*b]", "drills.yaml:1: a[0]: an alias of itself: expected a value"),
            ("a: \x00", "drills.yaml:1: the character "),
        ],
    )
    def test_what_is_not_yaml_or_too_clever(self, text: str, told: str) -> None:
        assert errors(text)[0].startswith(told)

    def test_a_time_may_stand_without_quotes(self) -> None:
        text = SAMPLE.replace("at: random", "at: 2026-11-02T05:00:00Z")
        assert parse(text).drills[1].restore.at == "2026-11-02T05:00:00Z"

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="expected a readable text file"):
            load(tmp_path / "drills.yaml")
        (tmp_path / "drills.yaml").write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigurationError, match="expected a readable text file"):
            load(tmp_path / "drills.yaml")
