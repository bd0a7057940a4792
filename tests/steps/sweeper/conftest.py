"""One emulator for all sweeps; each test finds an empty account."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from functions import evidence, ledger
from functions.aurora import clusters
from functions.s3_versions import objects
from functions.settings import Settings
from functions.sweep import claims, databases, elsewhere, machines
from lab import aws
from lab.emulator import Emulator, forget_everything
from lab.rds import Rds
from tests.steps.surroundings import surroundings
from tests.steps.sweeper.premises import EVIDENCE, TABLE, Premises

CLIENTS = (
    clusters._rds,
    databases._rds,
    elsewhere._logs,
    elsewhere._s3,
    elsewhere._secrets,
    evidence._s3,
    ledger._dynamodb,
    machines._states,
    objects.client,
)


@pytest.fixture(scope="module", autouse=True)
def _backed_up() -> None:
    """There is no database to back up."""


@pytest.fixture(autouse=True)
def _tidy() -> None:
    """There are no copies of one to forget."""


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(folder=tmp_path_factory.mktemp("aws"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def rds(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rds]:  # noqa: ARG001  # it is up before its operations are taken over
    installed = Rds(folder=tmp_path_factory.mktemp("rds"), authorise=lambda *_: True)
    installed.install()
    yield installed
    installed.stop()


@pytest.fixture
def account(emulator: Emulator, rds: Rds, monkeypatch: pytest.MonkeyPatch) -> Iterator[Premises]:
    """An account with a ledger, an evidence bucket, and nothing else."""
    wiring = Settings(
        evidence_bucket=EVIDENCE,
        ledger_table=TABLE,
        topic_arn="",
        subnet_group="",
        security_group="",
        lock_mode="NONE",
        namespace="Drills",
    )
    environment = {
        **wiring.to_environment(),
        **surroundings(emulator),
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for client in CLIENTS:
        client.cache_clear()
    forget_everything()
    emulator.s3.clear()
    emulator.secrets.secrets.clear()
    rds.retained_backups.clear()
    made = Premises(emulator, rds)
    monkeypatch.setattr(claims, "clear", partial(claims.clear, pause=made.context.sleep))
    emulator.invoke = made.invoke
    make_ledger_and_evidence(emulator)
    yield made
    emulator.before_call.clear()
    emulator.after_call.clear()
    for client in CLIENTS:
        client.cache_clear()


def make_ledger_and_evidence(emulator: Emulator) -> None:
    emulator.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "drill", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "drill", "AttributeType": "S"},
            {"AttributeName": "item", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=EVIDENCE, CreateBucketConfiguration={"LocationConstraint": aws.REGION})
