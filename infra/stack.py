"""The deployment, as a sentence."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, CfnResource, DefaultStackSynthesizer, Stack, Tags
from constructs import Construct

from functions.settings import Settings
from functions.watch.expired import STACK_TAG
from infra.bundle import Bundle
from infra.config import ConfigurationError
from infra.evidence import Evidence
from infra.functions import Functions
from infra.guard import boundary
from infra.kinds import Kind, aurora
from infra.kinds.aurora import Aurora
from infra.kinds.s3_versions import S3Versions
from infra.kinds.secret_rotation import SecretRotation
from infra.line import Line
from infra.network import Network
from infra.notify import Notify
from infra.report import report
from infra.scale import Restores
from infra.schedules import Schedules
from infra.schema import Configuration
from infra.watch import Watch
from infra.watched import schedule_group, watched

MOST_RESOURCES = 500


class BackupDrills(Stack):
    """Every drill of a configuration, and what they share."""

    def __init__(self, scope: Construct, *, configuration: Configuration, bundle: Bundle) -> None:
        deployment = configuration.deployment
        super().__init__(
            scope,
            deployment.stack,
            description="Restores backups on a schedule, and proves that what came back is right",
            # CloudFormation takes a megabyte, and counts the spaces.
            suppress_template_indentation=True,
            synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        evidence = Evidence(self, "Evidence", stack=deployment.stack)
        notify = Notify(
            self,
            "Notify",
            stack=deployment.stack,
            key=evidence.key,
            subscribers=configuration.notify,
        )
        network = Network(
            self,
            "Network",
            stack=deployment.stack,
            zones=deployment.zones,
            cidr=deployment.cidr,
            s3_prefix_list=deployment.s3_prefix_list,
            bucket=evidence.bucket,
            log_days=deployment.log_retention_days,
        )
        settings = Settings(
            evidence_bucket=evidence.bucket.bucket_name,
            ledger_table=evidence.ledger.table_name,
            topic_arn=notify.reports.topic_arn,
            subnet_group=network.subnet_group,
            security_group=network.database.security_group_id,
            lock_mode=deployment.evidence.lock_mode.upper(),
            lock_days=deployment.evidence.lock_days,
            schedule_group=schedule_group(deployment.stack),
            chat_topics=notify.chat_topics,
        )
        functions = Functions(
            self,
            "Functions",
            bundle=bundle,
            environment=settings.to_environment(),
            log_days=deployment.log_retention_days,
        )
        kinds: dict[str, Kind[Any]] = {}
        if configuration.aurora:
            kinds["aurora"] = Aurora(
                self,
                "Aurora",
                configuration=configuration,
                functions=functions,
                evidence=evidence,
                network=network,
            )
        if configuration.rotations:
            kinds["secret_rotation"] = SecretRotation(
                self,
                "SecretRotation",
                configuration=configuration,
                functions=functions,
                evidence=evidence,
            )
        own_buckets: dict[str, str] = {}
        if configuration.s3_versions:
            buckets = S3Versions(
                self,
                "S3Versions",
                configuration=configuration,
                functions=functions,
                evidence=evidence,
            )
            kinds["s3_versions"], own_buckets = buckets, buckets.own_buckets
        if configuration.restore_buckets:
            Restores(
                self,
                "Restores",
                restores=configuration.restore_buckets,
                functions=functions,
                evidence=evidence,
                log_days=deployment.log_retention_days,
            )
        reporter = report(functions, evidence=evidence, notify=notify)
        schedules = Schedules(self, "Schedules", stack=deployment.stack, notify=notify)
        teardowns = []
        for drill in configuration.drills:
            steps = kinds[drill.kind].steps(drill)
            teardowns.append(steps["Teardown"])
            Line(
                self,
                drill.name,
                drill=drill,
                document=configuration.document(drill, own_bucket=own_buckets.get(drill.name, "")),
                steps={**steps, "Report": reporter},
                schedules=schedules,
                notify=notify,
                log_days=deployment.log_retention_days,
            )
        Watch(
            self,
            "Watch",
            configuration=configuration,
            watched=watched(configuration),
            functions=functions,
            evidence=evidence,
            schedules=schedules,
            notify=notify,
            teardowns=list(dict.fromkeys(teardowns)),
            subnet_group=network.subnet_group,
            namespace=settings.namespace,
        )
        boundary(
            self, sources=aurora.sources(configuration, network.subnet_group), evidence=evidence
        )
        Tags.of(self).add(STACK_TAG, deployment.stack)
        _fits(self)
        CfnOutput(self, "EvidenceBucket", value=evidence.bucket.bucket_name)
        CfnOutput(self, "EvidenceKey", value=evidence.key.key_id)
        CfnOutput(self, "Ledger", value=evidence.ledger.table_name)


def _fits(stack: Stack) -> None:
    """CloudFormation takes so many resources in a stack. Raises ConfigurationError."""
    count = sum(CfnResource.is_cfn_resource(each) for each in stack.node.find_all())
    if count > MOST_RESOURCES:
        raise ConfigurationError(
            [
                f"drills: {count} resources: expected at most {MOST_RESOURCES}, which is what"
                " CloudFormation takes in one stack: give some drills a drills.yaml of their own,"
                " in another region or account"
            ]
        )
