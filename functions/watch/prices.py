"""What AWS asks for what a drill uses, and for what stands between drills. Pure.

On demand, in us-east-1; other regions ask more. A free allowance is not taken off. The prices that
are not documented were written down from memory: they are good for an estimate and for no bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars for so many of a unit; `documented` where AWS's own pages were read."""

    dollars: float
    unit: str
    per: float = 1
    documented: bool = False

    def of(self, count: float) -> float:
        """What so many cost.

        >>> Price(dollars=0.025, unit="transitions", per=1000).of(200)
        0.005
        """
        return self.dollars * count / self.per


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """All of them. `aurora_large` is an instance of size large, memory optimized."""

    aurora_capacity: Price = Price(dollars=0.12, unit="ACU hours", documented=True)
    aurora_large: Price = Price(dollars=0.29, unit="hours of size large")
    aurora_storage: Price = Price(dollars=0.10, unit="GB months")
    aurora_io: Price = Price(dollars=0.20, unit="I/O requests", per=1_000_000)
    transitions: Price = Price(dollars=0.025, unit="transitions", per=1000, documented=True)
    lambda_time: Price = Price(dollars=0.0000166667, unit="GB seconds")
    lambda_calls: Price = Price(dollars=0.20, unit="calls", per=1_000_000)
    s3_writes: Price = Price(dollars=0.005, unit="requests that write", per=1000)
    s3_reads: Price = Price(dollars=0.0004, unit="requests that read", per=1000)
    key: Price = Price(dollars=1.0, unit="keys")
    secret: Price = Price(dollars=0.40, unit="secrets")
    metric: Price = Price(dollars=0.30, unit="custom metrics")
    alarm: Price = Price(dollars=0.10, unit="alarms")
    composite: Price = Price(dollars=0.50, unit="composite alarms")
    dashboard: Price = Price(dollars=3.0, unit="dashboards")
    logs_kept: Price = Price(dollars=0.03, unit="GB of logs kept")

    aurora_least_seconds: int = 600
    """An instance is paid for ten minutes at least: documented for provisioned ones."""


PRICES: Final = Prices()
