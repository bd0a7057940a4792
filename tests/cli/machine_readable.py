"""What `--json` writes: one document, as docs/cli.schema.json describes it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from tests.cli.conftest import ROOT, Ran

SCHEMA = json.loads((ROOT / "docs" / "cli.schema.json").read_text())


def told(ran: Ran, *, status: int = 0) -> dict[str, Any]:
    """The document of a command that ended with that status; it is all there is on stdout."""
    assert ran.status == status, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    jsonschema.validate(document, SCHEMA)
    return document
