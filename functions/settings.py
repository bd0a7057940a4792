"""What varies per deployment: written by infra, read by the functions, through this one class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields

from functions.errors import SettingsError


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The wiring of a deployment.

    `lock_days` is for how many days a report is locked; `schedule_group` is where the collector
    finds its own schedule, and in it what is watched; `chat_topics` is what
    functions/report/chat.py reads.
    """

    evidence_bucket: str
    ledger_table: str
    topic_arn: str
    subnet_group: str
    security_group: str
    lock_mode: str = "GOVERNANCE"
    lock_days: int = 400
    namespace: str = "BackupDrills"
    schedule_group: str = ""
    chat_topics: str = ""

    def to_environment(self) -> dict[str, str]:
        """The environment variables of a function: each field in upper case behind DRILLS_."""
        return {variable(f.name): str(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of this function.

        >>> wiring = Settings(evidence_bucket="b", ledger_table="t", topic_arn="a",
        ...                   subnet_group="s", security_group="g", lock_days=1)
        >>> Settings.from_environment(wiring.to_environment()) == wiring
        True

        Raises SettingsError that names the variable, its value and what was expected.
        """
        values: dict[str, str | int] = {}
        for f in fields(cls):
            text = environment.get(variable(f.name))
            if text is None:
                if f.default is MISSING:
                    raise SettingsError(f"{variable(f.name)} is not set: expected {f.name}")
                continue
            values[f.name] = _days(f.name, text) if f.name == "lock_days" else text
        mode = values.get("lock_mode", "GOVERNANCE")
        if mode not in ("GOVERNANCE", "COMPLIANCE", "NONE"):
            raise SettingsError(
                f"DRILLS_LOCK_MODE is {mode!r}: expected GOVERNANCE, COMPLIANCE or NONE"
            )
        return cls(**values)  # type: ignore[arg-type]  # the loop above gives each field its type


def variable(name: str) -> str:
    """The environment variable that carries a field.

    >>> variable("lock_mode")
    'DRILLS_LOCK_MODE'
    """
    return f"DRILLS_{name.upper()}"


def _days(name: str, text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"{variable(name)} is {text!r}: expected a whole number of days")
    return int(text)
