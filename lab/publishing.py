"""Who may publish to a topic of a template: the topic's own policy, and that of its key. Pure.

An AWS service has no policies of its own: what it may do stands in those of topic and key alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.policies import Context, Decision, Policy, Request, decide

CLOUDWATCH: Final = "cloudwatch.amazonaws.com"

OF_ENCRYPTED: Final = ("kms:Decrypt", "kms:GenerateDataKey")
"""What a publisher does with the key of an encrypted topic."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """A topic by its ARN. `policy` is None for that which SNS gives to one that has none.

    `key` is what it is encrypted with, empty where it is not; `key_policy` is None for a key whose
    policy is not known: then it admits nobody.
    """

    arn: str
    policy: Policy | None = None
    key: str = ""
    key_policy: Policy | None = None

    def admits(self, service: str, *, context: Context, context_of_key: Context) -> bool:
        """Whether a service of AWS, with that context, may publish here.

        A topic without a policy admits whatever its own account owns. Raises UnknownOperator.
        """
        secure = {**context, "aws:SecureTransport": "true"}
        if self.policy is not None and not _allows(
            self.policy, service, Request("sns:Publish", self.arn, secure)
        ):
            return False
        policy = self.key_policy
        return not self.key or (
            policy is not None
            and all(
                _allows(policy, service, Request(action, self.key, context_of_key))
                for action in OF_ENCRYPTED
            )
        )

    def admits_alarm(self, alarm: str, account: str) -> bool:
        """Whether an alarm, by its ARN, may publish here; CloudWatch tells whose it is.

        >>> policy = {"Statement": [{"Effect": "Allow", "Principal": {"Service": CLOUDWATCH},
        ...     "Action": "sns:Publish", "Resource": "t",
        ...     "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}]}
        >>> topic = Topic(arn="t", policy=policy)
        >>> topic.admits_alarm("a", "1"), topic.admits_alarm("a", "2")
        (True, False)
        >>> Topic(arn="t", policy={"Statement": []}).admits_alarm("a", "1")
        False
        """
        whose = {"aws:SourceAccount": account, "aws:SourceArn": alarm}
        return self.admits(CLOUDWATCH, context=whose, context_of_key=whose)


def topics(
    named: Mapping[str, Mapping[str, Any]],
    policies: Sequence[Mapping[str, Any]],
    keys: Mapping[str, Policy],
) -> dict[str, Topic]:
    """The topics of these properties, by ARN; `policies` are the properties of their policies.

    `keys` are the policies of the template's own keys, by ARN.
    """
    stated: dict[str, list[Any]] = {}
    for each in policies:
        for topic in each["Topics"]:
            stated.setdefault(topic, []).extend(each["PolicyDocument"]["Statement"])
    return {
        arn: Topic(
            arn=arn,
            policy={"Statement": stated[arn]} if arn in stated else None,
            key=str(properties.get("KmsMasterKeyId", "")),
            key_policy=keys.get(str(properties.get("KmsMasterKeyId", ""))),
        )
        for arn, properties in named.items()
    }


def _allows(policy: Policy, service: str, request: Request) -> bool:
    statements = [each for each in policy["Statement"] if _is_about(each["Principal"], service)]
    return decide([{"Statement": statements}], request) is Decision.ALLOW


def _is_about(principal: Any, service: str) -> bool:
    """Whether a statement is about a service: `*` is about everybody."""
    if principal == "*":
        return True
    of_services = principal.get("Service", [])
    named = [of_services] if isinstance(of_services, str) else list(of_services)
    return service in named or principal.get("AWS") == "*"
