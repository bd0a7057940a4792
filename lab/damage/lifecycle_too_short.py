"""A lifecycle rule deletes noncurrent versions too soon."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    rule = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
    }
    s3.put_bucket_lifecycle_configuration(
        Bucket=place.source, LifecycleConfiguration={"Rules": [rule]}
    )


DAMAGE = Damage(
    description="a lifecycle rule deletes noncurrent versions after three days",
    check="noncurrent_expiry",
    kind="s3_versions",
    arrange=to_a_bucket(_damage, at="drill-s3-plan"),
)
