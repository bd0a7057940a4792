"""How many bytes a function's code and its layer have, by top-level package."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNZIPPED_LIMIT: Final = 250 * 1024 * 1024
"""Bytes that a function may have with its layers, unzipped.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Bytes in a folder, and in a zip file of it."""

    unzipped: int = 0
    zipped: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(unzipped=self.unzipped + other.unzipped, zipped=self.zipped + other.zipped)


def measure(folder: Path) -> dict[str, Size]:
    """The packages of an asset by name, the largest first."""
    found: dict[str, Size] = defaultdict(Size)
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size:
                name = path.relative_to(folder).as_posix()
                archive.write(path, name)
                entry = archive.getinfo(name)
                found[package_of(name)] += Size(
                    unzipped=entry.file_size, zipped=entry.compress_size
                )
    return dict(sorted(found.items(), key=lambda item: -item[1].unzipped))


def total(packages: dict[str, Size]) -> Size:
    """All of them together."""
    return sum(packages.values(), Size())


def package_of(name: str) -> str:
    """The package that a file of an asset belongs to, its libraries and its metadata included.

    >>> package_of("functions/aurora/plan.py"), package_of("functions/clock.py")
    ('functions.aurora', 'functions')
    >>> package_of("python/psycopg_binary.libs/libpq.so"), package_of("python/six.py")
    ('psycopg_binary', 'six')
    >>> package_of("python/boto3-1.44.5.dist-info/METADATA")
    'boto3'
    """
    top, *rest = name.split("/")
    if top == "python":
        top = rest[0]
    elif len(rest) > 1:
        return f"{top}.{rest[0]}"
    if top.endswith(".dist-info"):
        return top.partition("-")[0]
    return top.removesuffix(".libs").removesuffix(".py")
