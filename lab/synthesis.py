"""The template of a drills.yaml, without its assets: for what only reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lab.lab import ROOT, LabError

_SYNTHESIZE = """
import sys
from pathlib import Path
from infra.application import application
from infra.bundle import Asset, Bundle
from infra.config import ConfigurationError
drills, folder = map(Path, sys.argv[1:])
nothing = Asset(folder=folder / "nothing", digest="0" * 64)
try:
    application(drills, Bundle(code=nothing, layer=nothing), outdir=folder / "cdk.out").synth()
except ConfigurationError as error:
    raise SystemExit(str(error)) from None
"""


def resources(drills: Path) -> dict[str, Any]:
    """The `Resources` of the template, not resolved. Raises LabError."""
    with tempfile.TemporaryDirectory(prefix="backup-drills-") as folder:
        (Path(folder) / "nothing").mkdir()
        outcome = subprocess.run(
            [sys.executable, "-c", _SYNTHESIZE, str(drills.resolve()), folder],
            cwd=ROOT,
            env={
                **os.environ,
                "CDK_VALIDATION": "false",
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode != 0:
            raise LabError(f"the template could not be synthesized:\n{outcome.stderr.strip()}")
        (template,) = (Path(folder) / "cdk.out").glob("*.template.json")
        found: dict[str, Any] = json.loads(template.read_text(encoding="utf-8"))["Resources"]
        return found
