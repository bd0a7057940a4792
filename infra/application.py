"""From a drills.yaml to a synthesized assembly."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra import bundle, nag
from infra.bundle import Bundle
from infra.config import ConfigurationError, load
from infra.stack import BackupDrills

_ROOT = Path(__file__).parent.parent
_CDK = _ROOT / "cdk.json"


def synthesize(drills: Path) -> None:
    """Write the CloudFormation template of a drills.yaml, checked, with its assets.

    It goes to where the CDK's command line says, else to build/cdk.out. A configuration that cannot
    be used ends the program, with a line for each error.
    """
    try:
        made = application(drills, bundle.build())
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None
    made.synth()


def application(drills: Path, contents: Bundle, outdir: Path | None = None) -> App:
    """The application of a drills.yaml, not yet synthesized. Raises ConfigurationError.

    cdk.json's context is read here, so that Python alone gives what the CDK's command line gives.
    """
    settings: dict[str, Any] = json.loads(_CDK.read_text(encoding="utf-8"))
    default = os.environ.get("CDK_OUTDIR", str(_ROOT / settings["output"]))
    app = App(
        analytics_reporting=False,
        context=settings["context"],
        outdir=str(outdir) if outdir else default,
    )
    BackupDrills(app, configuration=load(drills), bundle=contents)
    nag.check(app)
    return app
