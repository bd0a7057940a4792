"""What the command line takes for what, and what it refuses before it looks at anything."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli import arguments
from cli.arguments import Command, Options
from cli.errors import CannotRun

NOW = datetime(2026, 11, 2, 5, 0, 0, 700_000, tzinfo=UTC)
AT = "2026-11-02T04:00:00Z"


def read(*words: str) -> tuple[Command, Options]:
    return arguments.read(["restore-bucket", *words], now=NOW)


def test_the_least_is_a_bucket_and_a_time() -> None:
    command, options = read("b", "--at", AT)
    assert command == Command(bucket="b", at=datetime(2026, 11, 2, 4, tzinfo=UTC))
    assert options == Options()


def test_all_there_is() -> None:
    command, options = read(
        *("b", "--at", AT, "--prefix", "a/", "--to", "c", "--dry-run", "--yes", "--lab", "--anew"),
        *("--report", "r.json", "--show", "5", "--sample", "0", "--threads", "4", "--work", "w"),
        "--past-horizon",
    )
    assert (command.prefix, command.to, command.written_to) == ("a/", "c", "c")
    assert options == Options(
        work=Path("w"),
        report=Path("r.json"),
        show=5,
        sample=0,
        threads=4,
        dry_run=True,
        yes=True,
        lab=True,
        past_horizon=True,
        anew=True,
    )


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("2h ago", timedelta(hours=2)),
        ("90min ago", timedelta(minutes=90)),
        ("3 d ago", timedelta(days=3)),
        ("30s ago", timedelta(seconds=30)),
        ("2026-11-02T02:00:00-03:00", timedelta(0)),
        ("2026-11-02T04:59:59.999999999Z", timedelta(microseconds=1)),
    ],
)
def test_times(text: str, ago: timedelta) -> None:
    command, _ = read("b", "--at", text)
    assert command.at == NOW.replace(microsecond=0) - ago


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "the following arguments are required: BUCKET, --at"),
        (("b",), "--at"),
        (("b", "--at"), "--at: expected one argument"),
        (
            ("b", "--at", "2026-11-02T04:00:00"),
            "'2026-11-02T04:00:00': expected a time with a zone",
        ),
        (("b", "--at", "2026-11-02"), "--at: '2026-11-02': expected a time with a zone"),
        (("b", "--at", "2026-13-02T04:00:00Z"), "--at: '2026-13-02T04:00:00Z': expected"),
        (("b", "--at", "yesterday"), "--at: 'yesterday': expected a time with a zone"),
        (("b", "--at", "5y ago"), "--at: '5y ago': expected"),
        (("b", "--at", "999999d ago"), "--at: '999999d ago': expected"),
        (("b", "--at", ""), "--at: '': expected"),
        (
            ("b", "--at", "2026-11-02T05:00:01Z"),
            "'2026-11-02T05:00:01Z': expected a time in the past, now is 2026-11-02T05:00:00.700Z",
        ),
        (("", "--at", AT), "BUCKET: '': expected the name of a bucket"),
        (("b/a", "--at", AT), "BUCKET: 'b/a': expected the name of a bucket, without a path"),
        (("s3://b", "--at", AT), "BUCKET: 's3://b': expected the name of a bucket"),
        (("b", "--at", AT, "--to", "b"), "--to: 'b' is the bucket itself: expected another one"),
        (("b", "--at", AT, "--to", ""), "--to: '': expected a text"),
        (("b", "--at", AT, "--prefix", ""), "--prefix: '': expected a text"),
        (("b", "--at", AT, "--prefix", "\udcff"), "--prefix: '\\udcff': expected UTF-8"),
        (("b", "--at", AT, "--to", "c", "--undelete"), "--undelete: it brings versions back"),
        (("b", "--at", AT, "--show", "-1"), "--show: '-1': expected a number, 0 or more"),
        (("b", "--at", AT, "--show", "many"), "--show: 'many': expected a number"),
        (("b", "--at", AT, "--sample", "²"), "--sample: '²': expected a number"),
        (("b", "--at", AT, "--threads", "0"), "--threads: '0': expected a number from 1 to 256"),
        (("b", "--at", AT, "--owner", "12"), "--owner: '12': expected an account, 12 digits"),
        (("b", "--at", AT, "--owner", "²" * 12), "expected an account, 12 digits"),
        (("b", "--at", AT, "--to-owner", "1" * 12), "--to-owner: '111111111111': expected --to"),
        (("b", "--at", AT, "--undel"), "unrecognized arguments: --undel"),
        (("b", "c", "--at", AT), "unrecognized arguments: c"),
    ],
)
def test_what_is_refused_is_named(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(CannotRun) as refused:
        read(*words)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_help_is_short_and_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read("--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "python -m cli restore-bucket my-bucket --at 2026-11-02T12:00:00Z" in told
    assert len(told.splitlines()) < 60


@pytest.mark.parametrize(
    "words",
    [
        ("b", "--at", AT),
        ("b", "--at", "2026-11-02T04:00:00.250001Z", "--prefix", "it's a b/\n", "--undelete"),
        ("b", "--at", "2h ago", "--to", "c", "--report", "r x.json", "--yes", "--lab"),
        ("b", "--at", AT, "--work", "w", "--past-horizon", "--accept-doubts"),
        ("b", "--at", AT, "--no-keep-encryption", "--owner", "0" * 12),
        ("b", "--at", AT, "--to", "c", "--to-owner", "1" * 12),
    ],
)
def test_the_command_that_goes_on_means_the_same(words: tuple[str, ...]) -> None:
    command, options = read(*words)
    again = shlex.split(options.again(command))
    assert again[:4] == ["python", "-m", "cli", "restore-bucket"]
    assert read(*again[4:]) == (command, options)


def test_a_plan_has_a_folder_for_each_thing_to_be_restored() -> None:
    at = datetime(2026, 11, 2, 4, tzinfo=UTC)
    commands = [
        Command(bucket="b", at=at),
        Command(bucket="b", at=at + timedelta(microseconds=1)),
        Command(bucket="b", at=at, prefix="a"),
        Command(bucket="b", at=at, to="a"),
        Command(bucket="b", at=at, undelete=True),
        Command(bucket="b", at=at, doubts=True),
        Command(bucket="b", at=at, encryption=False),
        Command(bucket="c", at=at),
    ]
    assert len({command.folder("https://s3") for command in commands}) == len(commands)
    assert commands[0].folder("https://s3") != commands[0].folder("http://127.0.0.1:9000")
    assert commands[0].folder("https://s3") == Command(bucket="b", at=at).folder("https://s3")
