"""Composition root: drills.yaml -> one stack. The CDK's command line runs it, and so may you."""

from pathlib import Path

from infra.application import synthesize

synthesize(Path("drills.yaml"))
