"""The authorities that logins to a database are verified against."""

from __future__ import annotations

import os
from pathlib import Path

RDS = Path(__file__).with_name("rds-ca.pem")
"""The certificate authorities of RDS, all Regions."""


def ca_file() -> Path:
    """The file that this deployment trusts: RDS's own, unless DRILLS_CA_FILE names another."""
    return Path(os.environ.get("DRILLS_CA_FILE") or RDS)
