"""Durations as a person types them, in drills.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Duration:
    """Makes an int of seconds from text such as 90s, 5m, 24h or 400d, within two limits.

    >>> Duration("10s", "1h").parse("5m")
    300
    >>> Duration("10s", "1h").parse("2h")
    Traceback (most recent call last):
    ...
    ValueError: a duration from 10s to 1h, such as 90s, 5m, 24h or 400d
    """

    shortest: str
    longest: str

    def parse(self, value: object) -> int:
        """Seconds. Raises ValueError for anything that is no duration within the limits."""
        if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,8}[smhd]", value, re.ASCII):
            seconds = _seconds(value)
            if _seconds(self.shortest) <= seconds <= _seconds(self.longest):
                return seconds
        limits = f"from {self.shortest} to {self.longest}"
        raise ValueError(f"a duration {limits}, such as 90s, 5m, 24h or 400d")

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[1-9][0-9]*[smhd]$"}


def _seconds(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]
