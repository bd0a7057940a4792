"""The command that a user types: validated by CloudFormation's schemas, cdk-nag and cfn-lint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# W3005: the CDK writes a dependency out that a reference implies already. W3010: the zones are
# those that drills.yaml names, since nothing is looked up.
IGNORED = ("W3005", "W3010")


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python app.py` writes, with validation, where nothing says who or where one is."""
    folder = tmp_path_factory.mktemp("cdk.out")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CDK_")) and name != "JSII_NODE"
    }
    outcome = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment | {"CDK_OUTDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return folder


def test_every_validation_passes_without_a_warning(assembly: Path) -> None:
    report = json.loads((assembly / "validation-report.json").read_text())
    found = [
        (violation["ruleName"], violation["violatingConstructs"][0]["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]
    assert [plugin["pluginName"] for plugin in report["pluginReports"]] == [
        "CloudFormation Validate"
    ]
    assert found == []


def test_cdk_nag_would_have_stopped_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves no trace in the report of a synth that it lets pass."""
    monkeypatch.setenv("CDK_VALIDATION", "false")
    from aws_cdk import App, Stack
    from aws_cdk import aws_s3 as s3

    from infra import nag

    app = App(outdir=str(tmp_path))
    bucket = s3.Bucket(Stack(app, "s"), "Open")
    nag.check(app)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    for finding in ("AwsSolutions-S1", "AwsSolutions-S10"):
        nag.acknowledge(bucket, finding, "a test")
    app.synth(force=True)


def test_it_is_the_template_that_the_other_tests_read(
    assembly: Path, raw_template: Mapping[str, Any]
) -> None:
    """But for the names of the assets: there nothing was bundled."""
    synthesized = json.loads((assembly / "backup-drills.template.json").read_text())

    def without_assets(template: Mapping[str, Any]) -> str:
        for resource in template["Resources"].values():
            for key in ("Code", "Content"):
                resource.get("Properties", {}).get(key, {}).pop("S3Key", None)
        return json.dumps(template)

    assert without_assets(synthesized) == without_assets(json.loads(json.dumps(raw_template)))


def test_cfn_lint_has_nothing_to_say(assembly: Path) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    outcome = subprocess.run(
        [linter, "--ignore-checks", *IGNORED, "--", assembly / "backup-drills.template.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stdout + outcome.stderr) == (0, "")


def test_the_assets_hold_our_code_and_its_dependencies_for_arm64(assembly: Path) -> None:
    manifest = json.loads((assembly / "backup-drills.assets.json").read_text())
    folders = [assembly / each["source"]["path"] for each in manifest["files"].values()]
    roots = {each.name for folder in folders if folder.is_dir() for each in folder.iterdir()}
    assert roots == {"functions", "python"}
    libraries = [
        library.name
        for folder in folders
        if (folder / "python").is_dir()
        for library in (folder / "python" / "psycopg_binary").glob("*.so")
    ]
    assert libraries
    assert all("cpython-313-aarch64" in name for name in libraries)


def test_a_wrong_configuration_ends_with_its_errors_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "drills.yaml").write_text("drills: 5\n")
    program = (
        "from pathlib import Path; from infra.application import synthesize;"
        f" synthesize(Path({str(tmp_path / 'drills.yaml')!r}))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 1
    lines = outcome.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{tmp_path / 'drills.yaml'}:1: ") for line in lines)
