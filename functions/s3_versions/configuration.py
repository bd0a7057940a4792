"""What S3 answers of a bucket's configuration, read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.s3_versions.facts import Expiry, Facts, Replication

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def read(bucket: str, answers: Mapping[str, Any]) -> Facts:
    """The facts of a bucket. `answers` are S3's by part, empty where nothing is configured.

    >>> nothing = dict.fromkeys(("lifecycle", "encryption", "access block", "policy",
    ...                          "object lock", "replication", "ownership", "events"), {})
    >>> on = {**nothing, "versioning": {"Status": "Enabled"}}
    >>> read("b", on) == Facts(name="b", versioning="Enabled")
    True
    """
    versioning, lock = answers["versioning"], answers["object lock"]
    rules = answers["lifecycle"].get("Rules", [])
    default = _first_default(answers["encryption"])
    blocks = answers["access block"].get("PublicAccessBlockConfiguration", {})
    return Facts(
        name=bucket,
        versioning=versioning.get("Status", ""),
        mfa_delete=versioning.get("MFADelete") == "Enabled",
        encryption=default.get("SSEAlgorithm", ""),
        kms_key=default.get("KMSMasterKeyID", ""),
        blocked=all(blocks.get(name) for name in _BLOCKS),
        public=bool(answers["policy"].get("PolicyStatus", {}).get("IsPublic")),
        locked=bool(lock),
        retention=_retention(lock),
        ownership=_ownership(answers["ownership"]),
        expiries=tuple(_expiries(rules)),
        replications=tuple(_replications(answers["replication"])),
        notified=tuple(_notified(answers["events"])),
        aborts=tuple(_aborts(rules)),
    )


def _first_default(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}


def _retention(answer: Mapping[str, Any]) -> str:
    default = answer.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    if not default:
        return ""
    span = f"{default['Days']} days" if "Days" in default else f"{default.get('Years')} years"
    return f"{default.get('Mode')}, {span}"


def _ownership(answer: Mapping[str, Any]) -> str:
    rules = answer.get("OwnershipControls", {}).get("Rules", [])
    return str(rules[0]["ObjectOwnership"]) if rules else ""


def _expiries(rules: Sequence[Mapping[str, Any]]) -> Iterator[Expiry]:
    for rule in rules:
        expires = rule.get("NoncurrentVersionExpiration", {})
        if rule.get("Status") == "Enabled" and "NoncurrentDays" in expires:
            yield Expiry(
                rule=rule.get("ID", ""), prefix=_prefix(rule), days=expires["NoncurrentDays"]
            )


def _aborts(rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The prefixes below which unfinished uploads are aborted."""
    for rule in rules:
        if rule.get("Status") == "Enabled" and rule.get("AbortIncompleteMultipartUpload"):
            yield _prefix(rule)


def _prefix(rule: Mapping[str, Any]) -> str:
    """The prefix of a rule, wherever it stands: in the old form, in its filter, or beside tags."""
    found = rule.get("Filter", {})
    return str(
        rule.get("Prefix") or found.get("Prefix") or found.get("And", {}).get("Prefix") or ""
    )


def _replications(answer: Mapping[str, Any]) -> Iterator[Replication]:
    for rule in answer.get("ReplicationConfiguration", {}).get("Rules", []):
        if rule.get("Status") == "Enabled":
            destination = rule.get("Destination", {})
            yield Replication(
                rule=rule.get("ID", ""),
                prefix=_prefix(rule),
                destination=destination.get("Bucket", ""),
                measured=destination.get("Metrics", {}).get("Status") == "Enabled",
            )


def _notified(answer: Mapping[str, Any]) -> Iterator[str]:
    if "EventBridgeConfiguration" in answer:
        yield ""
    for kind in (
        "TopicConfigurations",
        "QueueConfigurations",
        "LambdaFunctionConfigurations",
    ):
        for each in answer.get(kind, []):
            rules = each.get("Filter", {}).get("Key", {}).get("FilterRules", [])
            prefixes = [rule["Value"] for rule in rules if rule["Name"].lower() == "prefix"]
            yield prefixes[0] if prefixes else ""
