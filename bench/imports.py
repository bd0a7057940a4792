"""How long the import of each function's handler takes, in an interpreter that was just started.

The interpreter sees the bundle's code and the layer of this machine, as a function in the lab does,
and nothing else of this environment. Each is measured twice: as it is shipped, without compiled
files, which Python cannot store in AWS since /var/task and /opt are read-only there; and compiled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HANDLERS: Final = ("functions.aurora.steps", "functions.report.steps", "functions.watch.sweeper")
YARDSTICK: Final = "boto3"
ROUNDS: Final = 5
_NOTHING: Final = "sys"

_PYTHON: Final = str(getattr(sys, "_base_executable", sys.executable))


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """Seconds that an import takes, the start of Python itself taken off: the least of ROUNDS."""

    as_shipped: float
    compiled: float


def measure(*, code: Path, layer: Path) -> dict[str, Import]:
    """The handlers, and boto3 alone, by the name of the module."""
    modules = (_NOTHING, YARDSTICK, *HANDLERS)
    with tempfile.TemporaryDirectory(prefix="backup-drills-") as scratch:
        shipped, compiled = Path(scratch) / "shipped", Path(scratch) / "compiled"
        for target in (shipped, compiled):
            for name, source in (("code", code), ("layer", layer)):
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target / name, ignore=ignored)
        subprocess.run(
            [_PYTHON, "-S", "-m", "compileall", "-qq", str(compiled)], env={}, check=True
        )
        times = [
            {
                (module, folder): _seconds(module, folder)
                for module in modules
                for folder in (shipped, compiled)
            }
            for _ in range(ROUNDS)
        ]
    least = {key: min(found[key] for found in times) for key in times[0]}
    return {
        module: Import(
            as_shipped=least[module, shipped] - least[_NOTHING, shipped],
            compiled=least[module, compiled] - least[_NOTHING, compiled],
        )
        for module in modules[1:]
    }


def _seconds(module: str, folder: Path) -> float:
    """From the start of an interpreter to its end, with one import between."""
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join((str(folder / "code"), str(folder / "layer"))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    began = time.perf_counter()
    subprocess.run(
        [_PYTHON, "-S", "-P", "-c", f"import {module}"], cwd=folder, env=environment, check=True
    )
    return time.perf_counter() - began
