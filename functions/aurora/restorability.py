"""Would a restore of a cluster work today? What says that it would not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from functions.aurora.plan import engine_family
from functions.aurora.protection import ABSENT, CLUSTERS, INSTANCES, Backed, Look
from functions.aurora.values import Quota, State, state_of

LEAST_ZONES: Final = 2
"""RDS makes no cluster in a subnet group of fewer."""

LEAST_FREE_ADDRESSES: Final = 3
"""In a zone: the copy's instance, the verifier's interface, and one while AWS replaces either."""


def obstacles(look: Look) -> Iterator[str]:
    """Every reason why a restore would not work today, each with what was expected.

    What could not be read is no reason; nor is a stopped cluster, of which AWS keeps the logs so
    that it can be restored (the RDS API's StopDBCluster), nor a state that passes.
    """
    cluster = look.cluster
    if cluster == ABSENT:
        yield f"{look.name}: is not there: expected a cluster to restore from"
        return
    if isinstance(cluster, Backed):
        yield from _of_the_source(look, cluster)
        yield from _of_the_groups(look, cluster)
    yield from _of_the_network(look)
    yield from _of_the_quotas(look.quotas or {})


def unusable_key(look: Look, cluster: Backed) -> str | None:
    """What is wrong with the key of a cluster's backups; None where nothing is known to be."""
    if not cluster.key or look.key_state in (None, "Enabled"):
        return None
    return f"key {cluster.key} of {look.name}: is {look.key_state}: expected Enabled"


def _of_the_source(look: Look, cluster: Backed) -> Iterator[str]:
    if state_of(cluster.status) is State.HOPELESS:
        yield f"{look.name}: is {cluster.status}: expected a state that allows a restore"
    if key := unusable_key(look, cluster):
        yield key
    version = f"{cluster.engine} {cluster.engine_version}"
    if look.engine_status == ABSENT:
        yield f"{version}: is offered no more: expected the version of {look.name}"
        return
    in_network = set((look.subnets or {}).values())
    for instance_class, zones in look.zones.items():
        if not zones:
            yield f"{instance_class}: is not offered for {version}: expected the copy's class"
        elif in_network and not in_network & set(zones):
            where = ", ".join(sorted(in_network))
            yield f"{instance_class}: is not offered in {where}, where the copy is put"


def _of_the_groups(look: Look, cluster: Backed) -> Iterator[str]:
    family = engine_family(cluster.engine, cluster.engine_version)
    for of, groups in (("clusters", look.cluster_groups), ("instances", look.instance_groups)):
        for group, found in groups.items():
            if found == ABSENT:
                yield (
                    f"parameter group of {of} {group}: is not there: make it again by hand, as the"
                    " template has it"
                )
            elif found != family:
                yield (
                    f"parameter group of {of} {group}: is of family {found}: expected {family},"
                    f" that of {look.name}: set engine_family and deploy"
                )


def _of_the_network(look: Look) -> Iterator[str]:
    if look.subnets is None:
        return
    if not look.subnets:
        yield (
            "subnet group of the drill network: is not there: make it again by hand, as the"
            " template has it"
        )
        return
    zones = set(look.subnets.values())
    if len(zones) < LEAST_ZONES:
        found = ", ".join(sorted(zones))
        yield f"subnet group of the drill network: zones {found}: expected {LEAST_ZONES} at least"
    elif look.free is not None:
        free = free_by_zone(look.subnets, look.free)
        if sum(number >= LEAST_FREE_ADDRESSES for number in free.values()) < LEAST_ZONES:
            found = ", ".join(f"{number} in {zone}" for zone, number in sorted(free.items()))
            yield (
                f"free addresses of the drill network: {found}: expected {LEAST_FREE_ADDRESSES}"
                f" in {LEAST_ZONES} zones at least"
            )


def free_by_zone(subnets: Mapping[str, str], free: Mapping[str, int]) -> dict[str, int]:
    """How many addresses are left in each zone; a subnet that is gone has none.

    >>> free_by_zone({"subnet-1": "a", "subnet-2": "a", "subnet-3": "b"},
    ...              {"subnet-1": 4, "subnet-2": 3})
    {'a': 7, 'b': 0}
    """
    counted: Counter[str] = Counter()
    for subnet, zone in subnets.items():
        counted[zone] += free.get(subnet, 0)
    return dict(counted)


def _of_the_quotas(quotas: Mapping[str, Quota]) -> Iterator[str]:
    for name in (CLUSTERS, INSTANCES):
        quota = quotas.get(name)
        if quota is not None and quota.used >= quota.limit:
            yield f"quota {name}: {quota.used} of {quota.limit} used: expected room for one more"
