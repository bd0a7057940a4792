"""What the operations of Secrets Manager accept, refuse and answer.

Each gets the request as the SDK names its parameters, and answers what the SDK will see. Refusals
bear the wire codes of botocore's model (2017-10-17).
"""

from __future__ import annotations

import re
import secrets as randomness
import string
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from lab import aws
from lab.calls import Refusal
from lab.secrets_records import (
    CURRENT,
    PENDING,
    PRINCIPAL,
    Request,
    StoredSecret,
    Value,
    Version,
    now,
)
from lab.secrets_schedule import RATE, next_rotation

if TYPE_CHECKING:
    from lab.secrets_manager import SecretsManager

AWS_OWNED_KEY = "alias/aws/secretsmanager"


def create_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """A secret, with a first version when it has a value."""
    name, value = request["Name"], _value(request)
    if not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]{1,512}", name):
        raise _refusal(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
            "following: -/_+=.@!",
        )
    if request.get("AddReplicaRegions"):
        raise Refusal("NotImplemented", "the lab has no replicas", HTTPStatus.NOT_IMPLEMENTED)
    token, secret = request.get("ClientRequestToken"), manager.secrets.get(name)
    if secret is not None:
        if secret.deleted is not None:
            raise _refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already "
                "scheduled for deletion.",
            )
        if token not in secret.versions or secret.versions[token].value != value:
            raise _refusal(
                "ResourceExistsException",
                f"The operation failed because the secret {name} already exists.",
            )
        return {**_named(secret), "VersionId": token}
    moment = now()
    secret = StoredSecret(
        name=name,
        arn=_new_arn(name),
        created=moment,
        changed=moment,
        description=request.get("Description"),
        key=_key(request),
        tags=_tags(request),
    )
    manager.secrets[name] = secret
    if value is None:
        return _named(secret)
    version = manager.keep(secret, token, value)
    secret.put_label(CURRENT, version)
    return {**_named(secret), "VersionId": version.id}


def describe_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """All but the values."""
    secret = _secret(manager, request, even_deleted=True)
    return _described(secret, "VersionIdsToStages")


def get_secret_value(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The value of the version asked for, by default of the current one."""
    secret = _secret(manager, request)
    version_id, label = request.get("VersionId"), request.get("VersionStage")
    if version_id is not None:
        version, asked = secret.versions.get(version_id), f"VersionId: {version_id}"
        if version is not None and label is not None and label not in version.labels:
            raise _refusal(
                "InvalidRequestException",
                "You provided a VersionStage that is not associated to the provided VersionId.",
            )
    else:
        version, asked = secret.holder(label or CURRENT), f"staging label: {label or CURRENT}"
    if version is None or version.value is None:
        raise _no_value(asked)
    secret.accessed = now()
    kind = "SecretString" if isinstance(version.value, str) else "SecretBinary"
    return {
        **_named(secret),
        "VersionId": version.id,
        kind: version.value,
        "VersionStages": sorted(version.labels),
        "CreatedDate": version.created,
    }


def put_secret_value(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """A new version, or the value of one that a rotation has begun."""
    secret, value = _secret(manager, request), _value(request)
    _check_owner(secret)
    if value is None:
        raise _refusal(
            "InvalidRequestException", "You must provide either SecretString or SecretBinary."
        )
    first = all(version.value is None for version in secret.versions.values())
    labels = {*(request.get("VersionStages") or [CURRENT]), *([CURRENT] if first else [])}
    version = _put(manager, secret, request.get("ClientRequestToken"), value, labels)
    return {
        **_named(secret),
        "VersionId": version.id,
        "VersionStages": sorted(version.labels),
    }


def update_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Another description or key; a new current version when there is a value."""
    secret, value = _secret(manager, request), _value(request)
    _check_owner(secret)
    if "Description" in request:
        secret.description = request["Description"]
    if "KmsKeyId" in request:
        secret.key = _key(request)
    secret.changed = now()
    if value is None:
        return _named(secret)
    version = _put(manager, secret, request.get("ClientRequestToken"), value, {CURRENT})
    return {**_named(secret), "VersionId": version.id}


def update_secret_version_stage(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Move a label, or take it off; who moves it must say where it is."""
    secret, label = _secret(manager, request), request["VersionStage"]
    _check_owner(secret)
    source, target = request.get("RemoveFromVersionId"), request.get("MoveToVersionId")
    holder = secret.holder(label)
    if source is None and target is None:
        raise _invalid("You must provide MoveToVersionId or RemoveFromVersionId.")
    if source is not None and (holder is None or holder.id != source):
        raise _invalid(f"Staging label {label} is not attached to version {source}.")
    if target is None:
        if label == CURRENT:
            raise _invalid(
                f"You can only move staging label {CURRENT} to a different secret version. It "
                "can't be completely removed."
            )
        assert holder is not None
        holder.labels.discard(label)
    else:
        version = secret.versions.get(target)
        if version is None or (label == CURRENT and version.value is None):
            raise _no_value(f"VersionId: {target}")
        if holder not in (None, version) and source is None:
            assert holder is not None
            raise _invalid(
                "The parameter RemoveFromVersionId can't be empty. Staging label "
                f"{label} is currently attached to version {holder.id}, so you must explicitly "
                "reference that version in RemoveFromVersionId."
            )
        secret.put_label(label, version)
    secret.changed = now()
    secret.tidy()
    return _named(secret)


def list_secret_version_ids(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The versions that have a value, and a label unless the deprecated ones are asked for."""
    secret = _secret(manager, request, even_deleted=True)
    versions = [
        {
            "VersionId": version.id,
            "CreatedDate": version.created,
            **({"VersionStages": sorted(version.labels)} if version.labels else {}),
            "KmsKeyIds": [secret.key or "DefaultEncryptionKey"],
        }
        for version in sorted(secret.versions.values(), key=lambda each: each.created)
        if version.value is not None and (version.labels or request.get("IncludeDeprecated", False))
    ]
    page, following = _page(versions, request)
    return {**_named(secret), "Versions": page, "NextToken": following}


def rotate_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Begin a rotation: the version is there at once, and empty."""
    secret = _secret(manager, request)
    _check_owner(secret)
    token = request.get("ClientRequestToken") or str(uuid.uuid4())
    if not 32 <= len(token) <= 64:
        raise _invalid("ClientRequestToken must be 32 to 64 characters long.")
    function = request.get("RotationLambdaARN") or secret.function
    _check_function(manager, secret, function)
    pending = secret.holder(PENDING)
    if token in secret.versions and secret.versions[token].labels & {PENDING, CURRENT}:
        return {**_named(secret), "VersionId": token}
    if token in secret.versions:
        raise _refusal(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for "
            f"a version of secret {secret.arn}.",
        )
    if pending is not None and CURRENT not in pending.labels:
        if secret.rotation_enabled and not manager.rotating(secret.name):
            manager.begin(secret, pending)
        raise _refusal(
            "InvalidRequestException",
            "A previous rotation isn't complete. That rotation will be reattempted.",
        )
    _configure(secret, function, request.get("RotationRules"))
    version = Version(id=token, created=now())
    secret.versions[token] = version
    secret.put_label(PENDING, version)
    only_test = not request.get("RotateImmediately", True)
    if only_test:
        # A function that tests AWSPENDING has something to test only if it holds what is current.
        current = secret.holder(CURRENT)
        version.value = current.value if current else None
    manager.begin(secret, version, only_test=only_test)
    return {**_named(secret), "VersionId": token}


def cancel_rotate_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """No rotation any more, nor another attempt at the one under way; labels stay."""
    secret = _secret(manager, request)
    _check_owner(secret)
    secret.rotation_enabled = False
    secret.changed = now()
    pending = secret.holder(PENDING)
    return {**_named(secret), "VersionId": pending.id if pending else None}


def delete_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The end of a secret: after a window in which it can be restored, or at once."""
    days = request.get("RecoveryWindowInDays")
    if request.get("ForceDeleteWithoutRecovery"):
        if days is not None:
            raise _invalid(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
            )
        secret = manager.find(request["SecretId"])
        if secret is None:  # which is no error
            name = request["SecretId"].rpartition(":")[2]
            return {"ARN": _new_arn(name), "Name": name, "DeletionDate": now()}
        _check_owner(secret)
        del manager.secrets[secret.name]
        return {**_named(secret), "DeletionDate": now()}
    secret = _secret(manager, request)
    _check_owner(secret)
    if days is not None and not 7 <= days <= 30:
        raise _invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    secret.deleted = now() + timedelta(days=days or 30)
    return {**_named(secret), "DeletionDate": secret.deleted}


def restore_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """No deletion after all."""
    secret = _secret(manager, request, even_deleted=True)
    secret.deleted = None
    return _named(secret)


def list_secrets(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The secrets that pass every filter, the oldest first unless asked otherwise."""
    found = [
        _described(secret, "SecretVersionsToStages")
        for secret in manager.secrets.values()
        if (secret.deleted is None or request.get("IncludePlannedDeletion", False))
        and all(_passes(secret, each) for each in request.get("Filters") or [])
    ]
    if request.get("SortOrder") == "desc":
        found.reverse()
    page, following = _page(found, request)
    return {"SecretList": page, "NextToken": following}


def tag_resource(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """More tags, or other values of them."""
    secret = _secret(manager, request)
    secret.tags.update(_tags(request))
    secret.changed = now()
    return {}


def untag_resource(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Fewer tags."""
    secret = _secret(manager, request)
    for key in request["TagKeys"]:
        secret.tags.pop(key, None)
    secret.changed = now()
    return {}


Operation = Callable[["SecretsManager", Request], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "CancelRotateSecret": cancel_rotate_secret,
    "CreateSecret": create_secret,
    "DeleteSecret": delete_secret,
    "DescribeSecret": describe_secret,
    "GetSecretValue": get_secret_value,
    "ListSecretVersionIds": list_secret_version_ids,
    "ListSecrets": list_secrets,
    "PutSecretValue": put_secret_value,
    "RestoreSecret": restore_secret,
    "RotateSecret": rotate_secret,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdateSecret": update_secret,
    "UpdateSecretVersionStage": update_secret_version_stage,
}


def _put(
    manager: SecretsManager, secret: StoredSecret, token: str | None, value: Value, labels: set[str]
) -> Version:
    """A version with its labels; nothing happens when there is one of that token and value."""
    before = secret.versions.get(token or "")
    if before is not None and before.value == value:
        return before
    version = manager.keep(secret, token, value)
    for label in sorted(labels):
        secret.put_label(label, version)
    secret.changed = version.created
    if CURRENT in labels:
        secret.schedule(version.created)
    secret.tidy()
    return version


def _configure(secret: StoredSecret, function: str | None, rules: Mapping[str, Any] | None) -> None:
    if rules:
        if ("AutomaticallyAfterDays" in rules) == ("ScheduleExpression" in rules):
            raise _invalid(
                "You must provide either AutomaticallyAfterDays or ScheduleExpression, not both."
            )
        secret.next_rotation = next_rotation(rules, now())
        secret.rules = _with_days(rules)
    secret.function = function
    secret.rotation_enabled = True
    secret.changed = now()


def _with_days(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules as they are shown: the days of a rate stand beside it."""
    rate = RATE.fullmatch(rules.get("ScheduleExpression", ""))
    if rate and rate.group(2) == "day":
        return {"AutomaticallyAfterDays": int(rate.group(1)), **rules}
    return dict(rules)


def _check_function(manager: SecretsManager, secret: StoredSecret, function: str | None) -> None:
    if function is None:
        raise _refusal(
            "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.",
        )
    name = aws.function_name(function)
    if manager.function(name) is None:
        raise _refusal(
            "ResourceNotFoundException",
            f"Secrets Manager can't find the specified Lambda function {function}.",
        )
    if not manager.admits(name, PRINCIPAL, secret.arn):
        raise _refusal(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function "
            f"policy grants access to the principal {PRINCIPAL}.",
        )


def _secret(
    manager: SecretsManager, request: Request, *, even_deleted: bool = False
) -> StoredSecret:
    secret = manager.find(request["SecretId"])
    if secret is None:
        raise _refusal(
            "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
        )
    if secret.deleted is not None and not even_deleted:
        raise _refusal(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return secret


def _check_owner(secret: StoredSecret) -> None:
    if secret.owner is not None:
        raise _refusal(
            "InvalidRequestException",
            f"The secret is managed by another service ({secret.owner}), and you must use that "
            "service to update it.",
        )


def _described(secret: StoredSecret, versions: str) -> dict[str, Any]:
    """What is known of a secret; what it does not have is absent."""
    labelled = {each.id: sorted(each.labels) for each in secret.versions.values() if each.labels}
    accessed, scheduled = secret.accessed, secret.rotation_enabled is not False
    fields = {
        **_named(secret),
        "Description": secret.description or None,
        "KmsKeyId": secret.key,
        "RotationEnabled": secret.rotation_enabled,
        "RotationLambdaARN": secret.function,
        "RotationRules": secret.rules,
        "LastRotatedDate": secret.rotated if scheduled else None,
        "LastChangedDate": secret.changed,
        "LastAccessedDate": accessed
        and accessed.replace(hour=0, minute=0, second=0, microsecond=0),
        "DeletedDate": secret.deleted,
        "NextRotationDate": secret.next_rotation if scheduled else None,
        "Tags": [{"Key": key, "Value": value} for key, value in secret.tags.items()] or None,
        versions: labelled or None,
        "OwningService": secret.owner,
        "CreatedDate": secret.created,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _named(secret: StoredSecret) -> dict[str, Any]:
    return {"ARN": secret.arn, "Name": secret.name}


def _new_arn(name: str) -> str:
    ending = "".join(randomness.choice(string.ascii_letters + string.digits) for _ in range(6))
    return f"arn:aws:secretsmanager:{aws.REGION}:{aws.ACCOUNT}:secret:{name}-{ending}"


def _value(request: Request) -> Value | None:
    text, binary = request.get("SecretString"), request.get("SecretBinary")
    if text is not None and binary is not None:
        raise _invalid("You can't specify both a binary secret value and a string secret value.")
    value: Value | None = text if text is not None else binary
    return value


def _key(request: Request) -> str | None:
    """The customer's key; the one that AWS has for everybody is not shown."""
    key = request.get("KmsKeyId")
    return None if key is None or key.endswith(AWS_OWNED_KEY) else str(key)


def _tags(request: Request) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def _passes(secret: StoredSecret, condition: Mapping[str, Any]) -> bool:
    """Whether a secret passes a filter: one of its values begins something of the secret's."""
    texts = {
        "name": [secret.name],
        "description": [secret.description or ""],
        "tag-key": list(secret.tags),
        "tag-value": list(secret.tags.values()),
        "owning-service": [secret.owner or ""],
    }
    every = [text for found in texts.values() for text in found]
    return any(
        text.startswith(wanted)
        for text in texts.get(condition["Key"], every)
        for wanted in condition["Values"]
    )


def _page(items: list[dict[str, Any]], request: Request) -> tuple[list[dict[str, Any]], str | None]:
    begin, size = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 100)
    end = begin + size
    return items[begin:end], str(end) if end < len(items) else None


def _invalid(message: str) -> Refusal:
    return _refusal("InvalidParameterException", message)


def _no_value(asked: str) -> Refusal:
    return _refusal(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for {asked}",
    )


def _refusal(code: str, message: str) -> Refusal:
    return Refusal(code, message)
