"""What is written to the bucket does not reach its replica."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._objects import places

if TYPE_CHECKING:
    from lab.lab import Lab

RULE = "to-another-region"
REPLICA = "fibonacci-files-replica"


def arrange(lab: Lab) -> Callable[[], None]:
    """Give each source a replication rule, and a metric that says that operations failed."""
    s3, cloudwatch = lab.emulator.client("s3"), lab.emulator.client("cloudwatch")
    sources = {place.source for place in places(lab)}
    for source in sources:
        rule = {
            "ID": RULE,
            "Status": "Enabled",
            "Prefix": "site/",
            "Destination": {"Bucket": f"arn:aws:s3:::{REPLICA}"},
        }
        configuration = {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": [rule]}
        s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)
        names = {"SourceBucket": source, "DestinationBucket": REPLICA, "RuleId": RULE}
        datum = {
            "MetricName": "OperationsFailedReplication",
            "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
            "Value": 3.0,
        }
        cloudwatch.put_metric_data(Namespace="AWS/S3", MetricData=[datum])

    def undo() -> None:
        for source in sources:
            s3.delete_bucket_replication(Bucket=source)

    return undo


DAMAGE = Damage(
    description="three operations of the bucket's replication have failed",
    check="replication",
    kind="s3_versions",
    arrange=arrange,
)
