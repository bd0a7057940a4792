"""Witness, or Verify, in a process of its own, as each call of a function has one.

Reads what to do as JSON from its standard input and writes what came of it as JSON. The evidence is
kept in files, for the memory that is measured is to be that of the functions. Each call has the
twelve minutes of a function; between the calls the time goes by that they ask for.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from functions.aurora import verify, verify_unit, witness
from functions.aurora.database import Login
from functions.aurora.witness_work import Source
from functions.model import Answer
from lab.driven import Shelf

CALL_SECONDS: Final = 12 * 60.0

Step = Callable[[Mapping[str, Any], Callable[[], float]], Answer]
"""A step: what it answered last, and how much time it has left."""


class Files(MutableMapping[str, str]):
    """A mapping whose values are in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, key: str) -> str:
        try:
            return self._file(key).read_text()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, value: str) -> None:
        self._file(key).write_text(value)

    def __delitem__(self, key: str) -> None:
        self._file(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return (unquote(path.name) for path in self._folder.iterdir())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _file(self, key: str) -> Path:
        return self._folder / quote(key, safe="")


@dataclass(kw_only=True, slots=True)
class Driver:
    """Calls steps until they are done; how many calls that took, and seconds spent in none.

    `parts` are the seconds of the calls of each part of the work.
    """

    calls: int = 0
    waited: float = 0.0
    parts: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def drive(self, name: str, step: Step, *, begins: str = "") -> dict[str, Any]:
        """The last answer; all of them pass through JSON as they do in the line."""
        answer: dict[str, Any] = {}
        while True:
            began = time.monotonic()
            until = began + CALL_SECONDS
            phase = answer.get("progress", {}).get("phase", begins)
            answer = json.loads(json.dumps(step(answer, lambda: until - time.monotonic())))  # noqa: B023
            self.calls += 1
            self.parts[f"{name} {phase}".strip()] += time.monotonic() - began
            if answer["done"]:
                return answer
            self.waited += answer["wait_seconds"]
            time.sleep(answer["wait_seconds"])


def main() -> int:
    """Do what is asked for."""
    asked = json.load(sys.stdin)
    start = {"seconds": time.time() - asked["at"], "processor": time.process_time()}
    shelf = Shelf()
    shelf.objects = Files(Path(asked["folder"]))  # type: ignore[assignment]  # it is used as one
    driver = Driver()
    do = {"witness": _witness, "verify": _verify}[asked["stage"]]
    told = do(asked, shelf, driver)
    json.dump(
        {
            **told,
            "calls": driver.calls,
            "parts": driver.parts,
            "start": start,
            "waited": driver.waited,
            "memory": peak_memory(),
        },
        sys.stdout,
    )
    return 0


def _witness(asked: Mapping[str, Any], shelf: Shelf, driver: Driver) -> dict[str, Any]:
    login = _login(asked)
    return {
        "witness": driver.drive(
            "witness",
            lambda previous, remaining_seconds: witness.advance(
                source=Source(reader=login, writer=login),
                drill=asked["drill"],
                plan=asked["plan"],
                previous=previous,
                evidence=shelf,
                remaining_seconds=remaining_seconds,
            ),
            begins="first",
        )
    }


def _verify(asked: Mapping[str, Any], shelf: Shelf, driver: Driver) -> dict[str, Any]:
    login = _login(asked)
    opened = driver.drive(
        "verify",
        lambda previous, _: verify.open_copy(
            copy=login,
            drill=asked["drill"],
            plan=asked["plan"],
            witness=asked["witness"],
            previous=previous,
            evidence=shelf,
            unit_weight=asked["unit_weight"],
        ),
    )

    def unit(number: int) -> dict[str, Any]:
        return driver.drive(
            "verify units",
            lambda previous, remaining_seconds: verify_unit.run(
                copy=login,
                plan=asked["plan"],
                unit=number,
                previous=previous,
                evidence=shelf,
                remaining_seconds=remaining_seconds,
            ),
        )

    with ThreadPoolExecutor(asked["workers"]) as pool:
        units = list(pool.map(unit, [entry["unit"] for entry in opened["units"]]))
    if asked["workers"] > 1:
        driver.waited = 0.0  # while one waited, the others went on
    checks = [
        record
        for claimed in (opened["checks"], *units)
        for record in shelf.get_json(claimed["key"])
    ]
    return {"checks": checks, "units": len(units)}


def _login(asked: Mapping[str, Any]) -> Login:
    given = asked["login"]
    return Login(
        host=given["host"],
        port=given["port"],
        database=given["database"],
        user=given["user"],
        password=lambda: str(given["password"]),
        ca_file=Path(given["ca_file"]),
    )


def peak_memory(process: int | str = "self") -> float:
    """The high-water mark of a process's memory in MiB; 0 where the system does not tell.

    That of its rusage would be of who started it.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
