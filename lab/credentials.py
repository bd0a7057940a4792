"""What a rotation drill meets at the sample company: its secrets, its application, its operators.

For every secret that is drilled: the secret itself, with the application's own user in it, its
rotation switched on; and what docs/deploy.md asks an operator to do once, done.
"""

from __future__ import annotations

import json
import secrets as randomness
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import sql

from infra.schema import RotationDrill
from lab import seed
from lab.application import HOST_NAME, Application
from lab.authority import Authority
from lab.emulator import Emulator
from lab.lambdas import Functions, FunctionSpec, arn
from lab.proxy import Proxy
from lab.rds_records import ServedCluster

SETUP = Path(__file__).parents[1] / "functions" / "secret_rotation" / "sql" / "setup"
"""What an operator runs once on the source: the rehearsal's user."""

ROTATION_FUNCTIONS = Path(__file__).parent / "rotation_functions"

LAST_ROTATION = timedelta(days=12)
"""How long ago the company's secrets were last rotated, by their labels."""

ROTATION_DAYS = 30
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    """A rotation function in the place of a deployed one: a module of lab/rotation_functions."""

    module: str
    environment: Mapping[str, str]


class Credentials:
    """The company's secrets and its application, from `start` to `stop`."""

    def __init__(self, *, emulator: Emulator, authority: Authority, cache_seconds: float) -> None:
        self.application = Application(
            authority=authority, read_secret=self._current, cache_seconds=cache_seconds
        )
        self.proxy = Proxy(targets={})
        self.secrets: list[str] = []
        self.functions: Functions
        self._emulator = emulator
        self._authority = authority

    def start(self) -> None:
        """Start the application, and the way to it."""
        self.application.start()
        self.proxy.targets = {f"{HOST_NAME}:443": self.application.port}
        self.proxy.start()

    def stop(self) -> None:
        """End both. May be called twice."""
        self.proxy.stop()
        self.application.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a function is told, by standard variables, to reach the application."""
        return {"HTTPS_PROXY": self.proxy.url, "SSL_CERT_FILE": str(self._authority.certificate)}

    def prepare(
        self, drills: Sequence[RotationDrill], *, source: ServedCluster, functions: Functions
    ) -> None:
        """Make the secrets that are drilled, and set up the rehearsals as an operator does."""
        self.functions = functions
        for drill in drills:
            if drill.secret not in self.secrets:
                self._make(drill, source)
            if drill.mode == "rehearsal":
                self.install(drill.rehearsal_secret, source)

    def value(self, secret: str) -> dict[str, Any]:
        """What a secret holds now."""
        found = self._client.get_secret_value(SecretId=secret)["SecretString"]
        held: dict[str, Any] = json.loads(found)
        return held

    def install(self, secret: str, source: ServedCluster) -> None:
        """Run the setup of the rehearsal's user with the password that its secret holds."""
        assert source.server is not None
        password = sql.Literal(self.value(secret)["password"])
        with source.server.connect(seed.DATABASE) as connection:
            for path in sorted(SETUP.glob("*.sql")):
                text = path.read_text(encoding="utf-8")
                connection.execute(
                    text.replace(":'password'", password.as_string(connection)).encode()
                )

    def replace_function(self, name: str, other: Other, folder: Path) -> Callable[[], None]:
        """Put another rotation function in the place of one; what puts the first one back."""
        spec = self.functions.spec(name)
        code = folder / "rotation" / f"{other.module}-{len(list(folder.glob('rotation/*')))}"
        shutil.copytree(spec.code, code)
        module = ROTATION_FUNCTIONS / f"{other.module}.py"
        (code / module.name).write_bytes(module.read_bytes())
        self.functions.create(
            replace(
                spec,
                code=code,
                handler=f"{other.module}.handler",
                environment={**spec.environment, **other.environment},
            )
        )
        return lambda: _put_back(self.functions, spec)

    @property
    def _client(self) -> Any:
        return self._emulator.client("secretsmanager")

    def _current(self) -> dict[str, Any]:
        """What the application reads: the first secret is its own."""
        return self.value(self.secrets[0])

    def _make(self, drill: RotationDrill, source: ServedCluster) -> None:
        held = {
            "engine": "postgres",
            "host": source.endpoint,
            "port": source.front.port,
            "dbname": seed.DATABASE,
            "username": seed.APPLICATION,
            "password": randomness.token_urlsafe(24),
        }
        assert source.server is not None
        with source.server.connect() as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(seed.APPLICATION), sql.Literal(held["password"])
                )
            )
        key = {"KmsKeyId": drill.kms_key} if drill.kms_key else {}
        made = self._client.create_secret(Name=drill.secret, SecretString=json.dumps(held), **key)
        self.secrets.append(drill.secret)
        self._client.rotate_secret(
            SecretId=drill.secret,
            RotationLambdaARN=arn(drill.rotation_function),
            RotationRules={"AutomaticallyAfterDays": ROTATION_DAYS},
            RotateImmediately=False,
        )
        secrets = self._emulator.secrets
        secrets.wait(drill.secret, PATIENCE_SECONDS)
        now = datetime.now(UTC)
        secrets.set_created(drill.secret, made["VersionId"], now - LAST_ROTATION)
        due = now - LAST_ROTATION + timedelta(days=ROTATION_DAYS)
        secrets.set_next_rotation(drill.secret, due)


def _put_back(functions: Functions, spec: FunctionSpec) -> None:
    functions.create(spec)
