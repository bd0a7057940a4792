"""What RDS offers: engine versions, and the zones where an instance class can be had.

The versions are those of the lab's clusters, and every class is offered everywhere, until a test
takes something away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moto.ec2.models import ec2_backends

from lab.rds_operations import Operation, Request

if TYPE_CHECKING:
    from lab.rds import Rds


@dataclass(kw_only=True, slots=True)
class Offers:
    """What is offered no more. `zones` is where a class is offered, if not everywhere."""

    withdrawn_versions: set[str] = field(default_factory=set)
    deprecated_versions: set[str] = field(default_factory=set)
    zones: dict[str, tuple[str, ...]] = field(default_factory=dict)


def describe_db_engine_versions(rds: Rds, request: Request) -> object:
    """The versions asked for; those that are deprecated only where all are wanted."""
    offers = rds.offers
    versions = []
    for engine, version in _offered(rds, request):
        deprecated = version in offers.deprecated_versions
        if not deprecated or request.get("IncludeAll"):
            versions.append(
                {
                    "Engine": engine,
                    "EngineVersion": version,
                    "DBParameterGroupFamily": f"{engine}{version.partition('.')[0]}",
                    "Status": "deprecated" if deprecated else "available",
                }
            )
    return {"DBEngineVersions": versions}


def describe_orderable_db_instance_options(rds: Rds, request: Request) -> object:
    """One option for each version, of the class asked for."""
    instance_class = request.get("DBInstanceClass") or "db.serverless"
    region = ec2_backends[rds.account][rds.region]
    everywhere = tuple(zone.name for zone in region.describe_availability_zones())
    zones = rds.offers.zones.get(instance_class, everywhere)
    return {
        "OrderableDBInstanceOptions": [
            {
                "Engine": engine,
                "EngineVersion": version,
                "DBInstanceClass": instance_class,
                "AvailabilityZones": [{"Name": zone} for zone in zones],
            }
            for engine, version in _offered(rds, request)
            if zones
        ]
    }


OPERATIONS: dict[str, Operation] = {
    operation.__name__: operation
    for operation in (describe_db_engine_versions, describe_orderable_db_instance_options)
}


def _offered(rds: Rds, request: Request) -> list[tuple[str, str]]:
    """The engines and versions that a request is about, as far as they are offered."""
    known = {(each.engine, each.engine_version) for each in rds.backend.clusters.values()}
    return sorted(
        (engine, version)
        for engine, version in known
        if request.get("Engine") in (None, engine)
        and request.get("EngineVersion") in (None, version)
        and version not in rds.offers.withdrawn_versions
    )
