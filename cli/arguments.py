"""What the command line was told: read, and checked as far as that needs nothing but itself."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from cli.errors import CannotRun
from cli.words import written
from functions import clock

WORK = Path(".backup-drills")
"""Where plans and journals are kept, below the current directory."""

_EXAMPLE = """\
exit status: 0 all is as it was at TIME; 1 a key conflicted, failed or is unrestorable, or
versioning was lost; 2 stopped half way, the same command goes on; 3 could not run

example: what a deployment did to the bucket at noon, undone below site/:

  python -m cli restore-bucket my-bucket --at 2026-11-02T12:00:00Z --prefix site/ --dry-run
  python -m cli restore-bucket my-bucket --at 2026-11-02T12:00:00Z --prefix site/
"""
_AGO = re.compile(r"(\d{1,6})\s?(s|min|h|d) ago", re.ASCII)
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What is to be restored: by this, and by nothing else, a plan is told from another one.

    `doubts` says that keys in doubt become what the listing shows, `encryption` that a copy is
    encrypted as its version was.
    """

    bucket: str
    at: datetime
    prefix: str = ""
    to: str = ""
    undelete: bool = False
    doubts: bool = False
    encryption: bool = True

    @property
    def written_to(self) -> str:
        """The bucket whose keys are changed."""
        return self.to or self.bucket

    def to_record(self) -> dict[str, Any]:
        """As it stands in a plan and in a report."""
        return {
            "bucket": self.bucket,
            "at": written(self.at),
            "prefix": self.prefix,
            "to": self.to,
            "undelete": self.undelete,
            "accept_doubts": self.doubts,
            "keep_encryption": self.encryption,
        }

    def folder(self, endpoint: str) -> str:
        """The name of the folder for this command's plan and journal, at that endpoint.

        >>> from datetime import UTC
        >>> at = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
        >>> one = Command(bucket="b", at=at).folder("https://s3.sa-east-1.amazonaws.com")
        >>> one == Command(bucket="b", at=at, prefix="a/").folder("http://127.0.0.1:9000")
        False
        """
        whole = json.dumps({"endpoint": endpoint, **self.to_record()}, sort_keys=True)
        return f"{self.bucket}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How it is to be done: nothing here changes what a key ends as.

    `owner` is the account of the bucket, `to_owner` that of the other one; empty for the caller's.
    """

    work: Path = WORK
    report: Path | None = None
    show: int = 20
    sample: int = 20
    threads: int = 16
    dry_run: bool = False
    yes: bool = False
    lab: bool = False
    past_horizon: bool = False
    anew: bool = False
    owner: str = ""
    to_owner: str = ""

    def again(self, command: Command) -> str:
        """The command line that goes on with a restore."""
        words = ["python", "-m", "cli", "restore-bucket", command.bucket]
        words += ["--at", written(command.at)]
        words += ["--prefix", command.prefix] if command.prefix else []
        words += ["--to", command.to] if command.to else []
        words += ["--undelete"] if command.undelete else []
        words += ["--accept-doubts"] if command.doubts else []
        words += [] if command.encryption else ["--no-keep-encryption"]
        words += ["--owner", self.owner] if self.owner else []
        words += ["--to-owner", self.to_owner] if self.to_owner else []
        words += ["--past-horizon"] if self.past_horizon else []
        words += ["--work", str(self.work)] if self.work != WORK else []
        words += ["--report", str(self.report)] if self.report else []
        words += ["--yes"] if self.yes else []
        words += ["--lab"] if self.lab else []
        return shlex.join(words)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        """Raises CannotRun."""
        raise CannotRun(f"{message} (see {self.prog} --help)")


def read(arguments: Sequence[str] | None, *, now: datetime) -> tuple[Command, Options]:
    """What is to be done to a bucket, and how.

    Raises CannotRun for what cannot be read, or does not go together; SystemExit after `--help`.
    """
    parser = Parser(prog="python -m cli")
    add_restore_bucket(parser.add_subparsers(required=True, metavar="command"))
    return understood(parser.parse_args(arguments), now=now)


def understood(chosen: argparse.Namespace, *, now: datetime) -> tuple[Command, Options]:
    """What the words of restore-bucket mean. Raises CannotRun."""
    # An empty value is what a variable that is not set leaves: it must not mean the whole bucket.
    for option in ("prefix", "to"):
        if getattr(chosen, option) == "":
            raise CannotRun(f"--{option}: '': expected a text, or no --{option} at all")
    command = Command(
        bucket=chosen.bucket,
        at=instant(chosen.at, now=now),
        prefix=chosen.prefix or "",
        to=chosen.to or "",
        undelete=chosen.undelete,
        doubts=chosen.accept_doubts,
        encryption=chosen.keep_encryption,
    )
    _check(command)
    if chosen.to_owner and not command.to:
        raise CannotRun(f"--to-owner: {chosen.to_owner!r}: expected --to with it")
    return command, Options(
        work=chosen.work,
        report=chosen.report,
        show=chosen.show,
        sample=chosen.sample,
        threads=chosen.threads,
        dry_run=chosen.dry_run,
        yes=chosen.yes,
        lab=chosen.lab,
        past_horizon=chosen.past_horizon,
        anew=chosen.anew,
        owner=chosen.owner or "",
        to_owner=chosen.to_owner or "",
    )


def add_restore_bucket(commands: argparse._SubParsersAction[Parser]) -> None:
    """The command restore-bucket and its options."""
    restore = commands.add_parser(
        "restore-bucket",
        help="make a bucket, or a prefix of it, what it was at a time",
        description="Make a bucket, or a prefix of it, what it was at a time. Nothing is destroyed:"
        " old versions are copied forward, delete markers are added.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    restore.add_argument("bucket", metavar="BUCKET", help="a bucket with versioning")
    restore.add_argument(
        "--at",
        required=True,
        metavar="TIME",
        help="2026-11-02T05:00:00Z, with a zone; or how long ago: '90min ago', '2h ago', '3d ago'",
    )
    restore.add_argument("--prefix", metavar="P", help="only the keys that begin with this")
    restore.add_argument("--to", metavar="OTHER-BUCKET", help="restore into that bucket instead")
    restore.add_argument(
        "--undelete",
        action="store_true",
        help="where only delete markers lie above the wanted version, remove those markers: the"
        " very same version is current again",
    )
    restore.add_argument(
        "--accept-doubts",
        action="store_true",
        help="make keys in doubt what the listing shows, which may not be what they were; else they"
        " are left as they are, and named",
    )
    restore.add_argument(
        "--no-keep-encryption",
        dest="keep_encryption",
        action="store_false",
        help="encrypt copies as the bucket does by default, not as their versions were: a request"
        " less for each copy",
    )
    restore.add_argument(
        "--owner",
        type=_account,
        metavar="ACCOUNT",
        help="the account that owns BUCKET, where it is not that of the credentials",
    )
    restore.add_argument(
        "--to-owner", type=_account, metavar="ACCOUNT", help="the same of OTHER-BUCKET"
    )
    restore.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
    restore.add_argument("--yes", action="store_true", help="do not ask")
    restore.add_argument("--report", type=Path, metavar="FILE", help="write a report there (JSON)")
    restore.add_argument(
        "--show",
        type=_number,
        default=20,
        metavar="N",
        help="lines of the plan on the terminal: %(default)s",
    )
    restore.add_argument(
        "--sample",
        type=_number,
        default=20,
        metavar="N",
        help="restored objects that are read back in full: %(default)s",
    )
    restore.add_argument(
        "--past-horizon",
        action="store_true",
        help="go on though a lifecycle rule may have deleted versions of that time",
    )
    restore.add_argument(
        "--anew", action="store_true", help="forget a restore that was interrupted, plan again"
    )
    restore.add_argument(
        "--work", type=Path, default=WORK, metavar="DIR", help="of plan and journal: %(default)s"
    )
    restore.add_argument(
        "--threads", type=_threads, default=16, metavar="N", help="requests at once: %(default)s"
    )
    restore.add_argument("--lab", action="store_true", help="in the lab: python -m lab up")
    restore.set_defaults(command="restore-bucket")


def instant(text: str, *, now: datetime) -> datetime:
    """The time that is meant, in UTC.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
    >>> clock.render(instant("2h ago", now=now)), clock.render(instant("3d ago", now=now))
    ('2026-11-02T03:00:00Z', '2026-10-30T05:00:00Z')

    Raises CannotRun for a text that is no time, has no zone, or is in the future.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            at = now.replace(microsecond=0) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            at = clock.parse(text)
    except (ValueError, OverflowError) as error:
        raise CannotRun(
            f"--at: {text!r}: expected a time with a zone (2026-11-02T05:00:00Z) or how long ago"
            " (2h ago)"
        ) from error
    if at > now:
        raise CannotRun(f"--at: {text!r}: expected a time in the past, now is {clock.render(now)}")
    return at


def _check(command: Command) -> None:
    """Raises CannotRun for options that do not go together."""
    for option, name in (("BUCKET", command.bucket), ("--to", command.to)):
        if "/" in name or (option == "BUCKET" and not name):
            raise CannotRun(f"{option}: {name!r}: expected the name of a bucket, without a path")
    if not _is_unicode(command.prefix):
        raise CannotRun(f"--prefix: {command.prefix!r}: expected UTF-8, as keys are")
    if command.to == command.bucket:
        raise CannotRun(
            f"--to: {command.to!r} is the bucket itself: expected another one, or no --to"
        )
    if command.to and command.undelete:
        raise CannotRun(
            f"--undelete: it brings versions back in place, and --to is {command.to!r}: expected"
            " one of the two"
        )


def _is_unicode(text: str) -> bool:
    """Whether it was UTF-8 when the shell handed it over.

    >>> _is_unicode("é"), _is_unicode("\\udcff")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, 0 or more")
    return int(text)


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected an account, 12 digits")
    return text


def _threads(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1 to 256")
    return number
