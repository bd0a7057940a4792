"""What a function is made of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bundle

ROOT = Path(__file__).parents[2]


def test_the_code_is_the_package_functions_without_what_only_a_developer_needs(
    tmp_path: Path,
) -> None:
    bundle.build_code(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["functions"]
    shipped = {each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*")}
    assert "functions/aurora/steps.py" in shipped
    assert "functions/aurora/sql/tables.sql" in shipped
    assert not [each for each in shipped if "requirements" in each or "__pycache__" in each]
    outcome = subprocess.run(
        [sys.executable, "-c", "import functions.model; print(functions.model.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert outcome.stdout.startswith(str(tmp_path))


def test_the_layer_keeps_every_service_that_a_function_calls() -> None:
    called = {
        service
        for source in (ROOT / "functions").rglob("*.py")
        for service in re.findall(r'boto3\.client\(\s*"(\w+)"', source.read_text())
    }
    assert {"dynamodb", "rds", "s3"} <= called <= bundle.SERVICES


def test_no_function_asks_for_a_client_in_a_way_that_the_test_above_would_not_see() -> None:
    for source in (ROOT / "functions").rglob("*.py"):
        made = re.findall(r"boto3\.(?!client\(\s*\")\w+", source.read_text())
        assert [each for each in made if each in ("boto3.client", "boto3.resource")] == [], source


def test_the_layer_for_this_machine_serves_every_import(tmp_path: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    bundle.build_layer(tmp_path, python=version, platform=None)
    bundle.build_code(tmp_path / "task")
    modules = [
        ".".join(source.relative_to(ROOT).with_suffix("").parts)
        for source in sorted((ROOT / "functions").rglob("*.py"))
        if source.name != "__init__.py"
    ]
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'python')!r}, {str(tmp_path / 'task')!r}]\n"
        f"import boto3, psycopg\n"
        + "".join(f"import {module}\n" for module in modules)
        + "".join(f"boto3.client({name!r}, 'sa-east-1')\n" for name in sorted(bundle.SERVICES))
        + "print(boto3.__file__, psycopg.__file__)\n"
    )
    outcome = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count(str(tmp_path)) == 2


def test_a_layer_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    with pytest.raises(bundle.BundleError, match=r"no dependency layer for 3\.13 on a-potato: .+"):
        bundle.build_layer(tmp_path, python="3.13", platform="a-potato")


def test_the_digest_of_the_code_changes_with_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "functions").mkdir()
    source = tmp_path / "functions" / "a.py"
    source.write_text("a = 1\n")
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    before = bundle._code_digest()
    (tmp_path / "functions" / "requirements.txt").write_text("boto3\n")
    source.touch()
    assert bundle._code_digest() == before
    source.write_text("a = 2\n")
    assert bundle._code_digest() != before
