"""What a function is made of: our code, and the layer of its dependencies, built without Docker.

`python -m infra.bundle` builds both, so that a later synth needs no package index.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "functions" / "requirements.txt"

PYTHON = "3.13"
PLATFORM = "aarch64-manylinux_2_28"
"""psycopg's wheels for arm64 begin at manylinux_2_27: manylinux2014 finds none."""

SERVICES = frozenset(
    {
        "cloudtrail",
        "cloudwatch",
        "dynamodb",
        "ec2",
        "kms",
        "lambda",
        "logs",
        "rds",
        "resourcegroupstaggingapi",
        "s3",
        "scheduler",
        "secretsmanager",
        "sns",
        "stepfunctions",
        "sts",
    }
)
"""What the functions call: the layer keeps botocore's description of these services alone."""

_BUILD = ROOT / "build"


class BundleError(Exception):
    """When the dependency layer cannot be built; the message ends with what uv said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A folder to ship, and the digest of what it was made from."""

    folder: Path
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What all functions share."""

    code: Asset
    layer: Asset


def build() -> Bundle:
    """The bundle for AWS, below build/; what did not change is not built again.

    Raises BundleError.
    """
    code, layer = _code_digest(), _layer_digest()
    return Bundle(
        code=Asset(folder=_built("code", code, build_code), digest=code),
        layer=Asset(
            folder=_built(
                "layer",
                layer,
                lambda target: build_layer(target, python=PYTHON, platform=PLATFORM),
            ),
            digest=layer,
        ),
    )


def layer_for_this_machine() -> Path:
    """The dependency layer from the same pins, for this machine's Python and processor.

    The lab runs the functions on it. Raises BundleError.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _built(
        f"layer-here-{version}",
        _layer_digest(),
        lambda target: build_layer(target, python=version, platform=None),
    )


def build_code(target: Path) -> None:
    """Put our code into a folder as the package `functions`: the root of a function's asset."""
    for source in _sources():
        copy = target / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def build_layer(target: Path, *, python: str, platform: str | None) -> None:
    """Put the pinned dependencies into `target`/python: the root of a layer, what /opt shows.

    `python` is a version such as 3.13; `platform` is one of uv's, or None for this machine.
    Raises BundleError.
    """
    packages = target / "python"
    command = [_uv(), "pip", "install", "--quiet", "--no-config", "--require-hashes"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--target", str(packages)]
    command += ["--python-version", python, "--requirements", str(REQUIREMENTS)]
    command += ["--python-platform", platform] if platform else ["--python", sys.executable]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        place = platform or "this machine"
        raise BundleError(f"no dependency layer for {python} on {place}: {outcome.stderr.strip()}")
    _trim(packages)


def _trim(packages: Path) -> None:
    """Take away what no function reads: it is four fifths of the size."""
    shutil.rmtree(packages / "bin", ignore_errors=True)
    (packages / ".lock").unlink(missing_ok=True)
    shutil.rmtree(packages / "boto3" / "examples", ignore_errors=True)
    for data in (packages / "botocore" / "data", packages / "boto3" / "data"):
        for service in data.iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    for examples in (packages / "botocore" / "data").glob("*/*/examples-1.json*"):
        examples.unlink()


def _sources() -> Iterator[Path]:
    """The files of our code, in order."""
    for path in sorted((ROOT / "functions").rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith("requirements."):
            yield path


def _code_digest() -> str:
    digest = hashlib.sha256()
    for source in _sources():
        name = source.relative_to(ROOT).as_posix().encode()
        content = source.read_bytes()
        digest.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return digest.hexdigest()


def _layer_digest() -> str:
    recipe = Path(__file__).read_bytes() + REQUIREMENTS.read_bytes()
    return hashlib.sha256(recipe).hexdigest()


def _built(name: str, digest: str, make: Callable[[Path], None]) -> Path:
    """The folder made from what the digest stands for; two builds at once are no trouble."""
    folder = _BUILD / f"{name}-{digest[:16]}"
    if not folder.is_dir():
        _BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_BUILD, prefix=f".{name}-") as scratch:
            made = Path(scratch) / name
            made.mkdir()
            make(made)
            try:
                made.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
    return folder


def _uv() -> str:
    """uv of this virtual environment, else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("uv")
    if found is None:
        raise BundleError("uv is not installed: `make setup` installs it")
    return found


if __name__ == "__main__":
    made = build()
    sys.stdout.write(f"{made.code.folder}\n{made.layer.folder}\n")
