"""How a bucket is configured, as far as its versions depend on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.s3_versions.values import moment

ENABLED = "Enabled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiry:
    """A lifecycle rule that deletes noncurrent versions, `days` after something newer came.

    Of a rule that also asks for tags or sizes, it is not known which objects it spares.
    """

    rule: str
    prefix: str
    days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Replication:
    """A replication rule that is enabled; `measured` says whether it has metrics."""

    rule: str
    prefix: str
    destination: str
    measured: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was found of a bucket.

    `versioning` is Enabled, Suspended, or empty for never. `encryption` is AES256 or aws:kms, with
    `kms_key` empty for the key that AWS manages. `blocked` says that its public access block is
    wholly on, `public` that its policy lets everybody in. `retention` is the default retention of
    Object Lock, in words. `notified` are the prefixes whose events somebody hears, `aborts` those
    below which a rule aborts unfinished uploads. `unknown` names what could not be looked at.
    """

    name: str
    versioning: str
    mfa_delete: bool = False
    encryption: str = ""
    kms_key: str = ""
    blocked: bool = False
    public: bool = False
    locked: bool = False
    retention: str = ""
    ownership: str = ""
    expiries: tuple[Expiry, ...] = ()
    replications: tuple[Replication, ...] = ()
    notified: tuple[str, ...] = ()
    aborts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As it travels in the plan."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Facts:
        """The facts of a plan.

        >>> facts = Facts(name="b", versioning="Enabled", notified=("a/",), aborts=("",))
        >>> Facts.from_document(facts.to_document()) == facts
        True
        """
        return cls(
            **{
                **document,
                "expiries": tuple(Expiry(**rule) for rule in document["expiries"]),
                "replications": tuple(Replication(**rule) for rule in document["replications"]),
                "notified": tuple(document["notified"]),
                "aborts": tuple(document["aborts"]),
                "unknown": tuple(document["unknown"]),
            }
        )


def covers(rule: str, prefix: str) -> bool:
    """Whether a rule for one prefix may touch keys below another.

    >>> covers("", "a/"), covers("a/b", "a/"), covers("a/", "a/b"), covers("b/", "a/")
    (True, True, True, False)
    """
    return rule.startswith(prefix) or prefix.startswith(rule)


def soonest(expiries: Iterable[Expiry], prefix: str) -> Expiry | None:
    """The rule that deletes noncurrent versions below a prefix soonest; None where none does."""
    touching = [rule for rule in expiries if covers(rule.prefix, prefix)]
    return min(touching, key=lambda rule: rule.days, default=None)


def horizon(facts: Facts, prefix: str, now: datetime) -> str:
    """Since when every version below a prefix must still be there, as `values.moment` writes it.

    What became noncurrent before may have been deleted by a lifecycle rule. Empty for no such rule.

    >>> from datetime import UTC
    >>> rule = Expiry(rule="old", prefix="", days=30)
    >>> facts = Facts(name="b", versioning=ENABLED, expiries=(rule,))
    >>> horizon(facts, "a/", datetime(2026, 11, 30, tzinfo=UTC))
    '2026-10-31T00:00:00.000000000'
    """
    rule = soonest(facts.expiries, prefix)
    return moment(now - timedelta(days=rule.days)) if rule else ""


def hazards(facts: Facts, prefix: str) -> Iterator[tuple[str, str]]:
    """What would happen to, or by, objects that a drill writes below a prefix of a real bucket.

    Pairs of the word by which the configuration accepts it, and a sentence.

    >>> [word for word, _ in hazards(Facts(name="b", versioning=ENABLED, public=True), "_drill/")]
    ['public']
    """
    if facts.public:
        yield "public", f"the policy of {facts.name} lets everybody in"
    elif not facts.blocked and facts.ownership != "BucketOwnerEnforced":
        yield "public", f"public access to {facts.name} is not blocked, and lists may grant it"
    for rule in facts.replications:
        if covers(rule.prefix, prefix):
            yield (
                "replication",
                f"the rule {rule.rule} copies what is written to {rule.destination}",
            )
    for notified in facts.notified:
        if covers(notified, prefix):
            below = notified or "everything"
            yield "notification", f"somebody is told of what is written below {below}"
    if facts.retention:
        yield "default_retention", f"every version is locked ({facts.retention})"
