"""Labs that stay: `up` starts one in a process of its own, `down` ends it, and what crashed.

Every lab notes its owner, the process that holds it, in its folder; so `down` tells a lab that
stays from a drill that runs in another terminal, and from one whose process died.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli import access
from lab import aws, overview, postgres, seed
from lab.deploy import Deployment
from lab.emulator import EmulatorError
from lab.lab import ROOT, Lab, LabError
from lab.template import Template

START_SECONDS = 180.0
STOP_SECONDS = 30.0
_SAME_START_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """The process that holds a lab; `started` is in epoch seconds."""

    process_id: int
    started: float
    stays: bool

    @property
    def process(self) -> psutil.Process | None:
        """The process, if it is still this one."""
        try:
            process = psutil.Process(self.process_id)
            alive = process.status() != psutil.STATUS_ZOMBIE
            same = abs(process.create_time() - self.started) < _SAME_START_SECONDS
        except psutil.NoSuchProcess:
            return None
        return process if alive and same else None


def own(folder: Path, *, stays: bool) -> None:
    """Note that this process holds the lab in that folder."""
    me = psutil.Process()
    owner = Owner(process_id=me.pid, started=me.create_time(), stays=stays)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "owner.json").write_text(json.dumps(asdict(owner)))


def owner_of(folder: Path) -> Owner | None:
    """Who holds the lab in that folder; None where nobody noted it."""
    note = folder / "owner.json"
    return Owner(**json.loads(note.read_text())) if note.exists() else None


def up(labs: Path, *, scale: float, port: int, console: Console) -> None:
    """Start a lab that stays, and print how to reach it. Raises LabError when it does not come up.

    A lab that is up already is left as it is, and told how to reach.
    """
    folder = labs / "up"
    owner = owner_of(folder)
    if owner and owner.process:
        console.print("a lab is up already")
    else:
        if folder.exists():
            postgres.clean(folder)
            shutil.rmtree(folder)
        _start(folder, scale=scale, port=port, console=console)
    console.print(_directions(labs, json.loads((folder / "ready.json").read_text())), markup=False)


def _start(folder: Path, *, scale: float, port: int, console: Console) -> None:
    folder.mkdir(parents=True)
    log = folder / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "lab.standing", str(folder)),
                *("--scale", str(scale), "--port", str(port)),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    shown = 0
    deadline = time.monotonic() + START_SECONDS
    while not (folder / "ready.json").exists():
        lines = log.read_text().splitlines()
        for line in lines[shown:]:
            console.print(line, style="dim", markup=False)
        shown = len(lines)
        if process.poll() is not None:
            raise LabError(f"the lab did not come up: {log.read_text().strip()[-2000:]}")
        if time.monotonic() > deadline:
            process.terminate()
            raise LabError(f"the lab did not come up in {START_SECONDS:.0f} s: see {log}")
        time.sleep(0.1)


def down(labs: Path) -> list[str]:
    """End the labs that stay, and what crashed ones left; a line for each.

    A drill that runs in another terminal is left alone.
    """
    told = []
    for folder in sorted([*labs.glob("up/"), *labs.glob("drill-*/")]):
        owner = owner_of(folder)
        process = owner.process if owner else None
        if owner and process and not owner.stays:
            told.append(f"left alone: {folder.name}, whose drill is running")
            continue
        if process:
            process.send_signal(signal.SIGTERM)
            psutil.wait_procs([process], timeout=STOP_SECONDS)
        ended = postgres.clean(folder)
        shutil.rmtree(folder, ignore_errors=True)
        also = f", and what a crash had left: {', '.join(ended)}" if ended else ""
        told.append(f"ended: {folder.name}{also}")
    return told


def _directions(labs: Path, ready: dict[str, Any]) -> str:
    """How to reach a lab with the AWS command line and psql."""
    machine = next(iter(ready["machines"].values()))
    access, secret, _ = aws.NOBODY
    return f"""
The lab is up. Its AWS, for the AWS command line of your own:

  export AWS_ENDPOINT_URL={ready["endpoint"]}
  export AWS_REGION={aws.REGION} AWS_DEFAULT_REGION={aws.REGION}
  export AWS_ACCESS_KEY_ID={access} AWS_SECRET_ACCESS_KEY={secret}
  aws stepfunctions start-execution --state-machine-arn {machine} --input '{{}}'
  aws s3 ls --recursive s3://{ready["bucket"]}

{_by_the_command_line(labs)}Its database, as the application's administrator:

  PGPASSWORD={shlex.quote(seed.PASSWORD)} psql "{ready["database"]}"

Its end: python -m lab --folder {shlex.quote(str(labs))} down
"""


def _by_the_command_line(labs: Path) -> str:
    """What `python -m cli --lab` can ask; it looks for the lab of the usual folder alone."""
    if labs / "up" / "ready.json" != access.READY:
        return ""
    command = shlex.join([sys.executable, "-m", "cli"])
    return f"""What the watch says of it, once it has looked, in some seconds:

  {command} status --lab

"""


def serve(folder: Path, *, scale: float, port: int) -> None:
    """Hold a lab until SIGTERM."""
    own(folder, stays=True)
    with Lab(folder, scale=scale, port=port, tell=lambda stage: print(stage, flush=True)) as lab:
        ready = {
            "endpoint": lab.emulator.endpoint,
            "stack": lab.deployment.stack,
            "machines": dict(lab.deployment.machines),
            "bucket": lab.deployment.evidence_bucket,
            "ledger": lab.deployment.ledger_table,
            "resources": _resources(Template.of(folder / "cdk.out"), lab.deployment),
            "database": (
                f"host={lab.source.endpoint} port={lab.source.front.port} dbname={seed.DATABASE}"
                f" user={seed.ADMINISTRATOR} sslmode=verify-full"
                f" sslrootcert={lab.rds.authority.certificate}"
            ),
        }
        scratch = folder / "ready.json.part"
        scratch.write_text(json.dumps(ready))
        scratch.rename(folder / "ready.json")
        _watch(lab)
        signal.pause()


def _watch(lab: Lab) -> None:
    """Let the watch look once, so that `python -m cli status --lab` has an answer.

    The lab is up all the same where it cannot.
    """
    try:
        overview.watch(lab)
    except (BotoCoreError, ClientError, EmulatorError, LabError, LookupError) as error:
        print(f"the watch could not look: {error}", flush=True)


def _resources(template: Template, deployment: Deployment) -> dict[str, list[str]]:
    """What CloudFormation would list of the stack, for `python -m cli --lab`: ids by type."""
    listed: dict[str, list[str]] = {}
    for name, resource in template.resources.items():
        named = resource.get("Properties", {}).get("AlarmName", name)
        listed.setdefault(resource["Type"], []).append(named)
    listed["AWS::StepFunctions::StateMachine"] = list(deployment.machines.values())
    return listed


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.standing")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.umask(0o077)
    serve(chosen.folder, scale=chosen.scale, port=chosen.port)


if __name__ == "__main__":
    _main()
