"""The local server and the other tools, in environments of their own; and processes measured."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "build" / "bench-s3"
SERVER: Final = ("ministack==1.5.33",)
PEERS: Final = {
    "s3-pit-restore": ("s3-pit-restore==0.9",),
    "s3-restore": ("s3-restore==0.1.2",),
}

_PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.01
_NO_WRITES: Final = ("GET", "HEAD", "OPTIONS")


class BenchFailed(Exception):
    """When a process that is measured ended otherwise than it should, or the server is not up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A process: wall and CPU time in seconds, peak memory in MiB, and what it told."""

    wall: float
    cpu: float
    peak: float
    status: int
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """The server that all use."""

    port: int

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONWARNINGS": "ignore",
            "PATH": os.environ["PATH"],
            "HOME": str(FOLDER),
        }

    def writes(self) -> dict[str, int]:
        """The requests that it was asked to write by, so far, by method and what was meant."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", "/_counts")
            counts: dict[str, int] = json.load(connection.getresponse())
        finally:
            connection.close()
        return {name: n for name, n in counts.items() if not name.startswith(_NO_WRITES)}


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The Python of an environment that has the packages; it is made once, under build/.

    Raises CalledProcessError.
    """
    folder = FOLDER / name
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.read_text() != "\n".join(packages):
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--seed", folder], check=True)
        command: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python, *packages]
        subprocess.run(command, check=True)
        ready.write_text("\n".join(packages))
    return python


@contextmanager
def server() -> Iterator[Server]:
    """The server, empty and up; it ends with the context. Raises BenchFailed."""
    python = environment("server", SERVER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {"IOT_MTLS_ENABLED": "0", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with (
        (FOLDER / "server.log").open("wb") as log,
        subprocess.Popen(
            [python, ROOT / "bench" / "s3_server.py", str(port)],
            env={"PATH": os.environ["PATH"], "HOME": str(FOLDER), **given},
            cwd=FOLDER,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            _wait(port, process)
            yield Server(port=port)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def run(command: list[str | Path], given: Mapping[str, str]) -> Measured:
    """A process to its end, measured. What it tells goes through a file, so that it never waits."""
    output = FOLDER / "output"
    peak, ended = 0.0, 0
    with output.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(given), cwd=ROOT, stdout=file, stderr=subprocess.STDOUT
        )
        while not ended:
            peak = max(peak, _peak(process.pid))
            time.sleep(_LOOK_SECONDS)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        peak=peak,
        status=process.returncode,
        told=output.read_text(errors="replace"),
    )


def _peak(process: int) -> float:
    """The high-water mark of a process's memory; that of its rusage would be of who started it."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def ours(arguments: list[str], given: Mapping[str, str]) -> tuple[Measured, dict[str, Any]]:
    """A part of `bench.s3_run`, measured, and what it told. Raises BenchFailed."""
    measured = run([sys.executable, "-m", "bench.s3_run", *arguments], given)
    if measured.status:
        raise BenchFailed(f"bench.s3_run {' '.join(arguments)}: {measured.told[-2000:]}")
    told: dict[str, Any] = json.loads(measured.told)
    return measured, told


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise BenchFailed(f"the server did not come up: {(FOLDER / 'server.log').read_text()[-2000:]}")
