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
from lab.secrets_manager import PRINCIPAL

SETUP = Path(__file__).parents[1] / "functions" / "secret_rotation" / "sql" / "setup"
"""What an operator runs once on the source: the rehearsal's user."""

ROTATION_FUNCTIONS = Path(__file__).parent / "rotation_functions"

LAST_ROTATION = timedelta(days=12)
"""How long ago the company's secrets were last rotated, by their labels."""

ROTATION_DAYS = 30
BATCH = "fibonacci_batch"
SUPERUSER = "fibonacci_superuser"
COMPANY_ROLE = "fibonacci-rotation"
POLICY_VERSION = "2012-10-17"
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

    def make_functions(self, drills: Sequence[RotationDrill], functions: Functions) -> None:
        """Make the rotation functions that the company has of its own: those alternate two users.

        What they may do is the company's business: their role is no drill's.
        """
        self.functions = functions
        wanted = {drill.rotation_function for drill in drills if not drill.is_managed}
        if not wanted:
            return
        role = _role(self._emulator.client("iam"))
        for name in sorted(wanted):
            code = functions.folder / "rotation" / name
            shutil.copytree(functions.spec("drill-report").code, code)
            shutil.copy2(ROTATION_FUNCTIONS / "alternating.py", code)
            functions.create(
                FunctionSpec(
                    name=name,
                    handler="alternating.handler",
                    code=code,
                    environment={},
                    role_arn=role,
                    timeout=30,
                )
            )
            self._emulator.allow_invoke(name, PRINCIPAL)

    def prepare(self, drills: Sequence[RotationDrill], *, source: ServedCluster) -> None:
        """Make the secrets that are drilled, and set up the rehearsals as an operator does."""
        for drill in drills:
            if drill.secret not in self.secrets:
                self._make(drill, source)
            if drill.mode == "rehearsal":
                self.install(drill.rehearsal_secret, drill.role, source)

    def value(self, secret: str) -> dict[str, Any]:
        """What a secret holds now."""
        found = self._client.get_secret_value(SecretId=secret)["SecretString"]
        held: dict[str, Any] = json.loads(found)
        return held

    def install(self, secret: str, role: str, source: ServedCluster) -> None:
        """Run the setup of the rehearsal's user with the password that its secret holds."""
        assert source.server is not None
        values = {
            ":'role'": sql.Literal(role),
            ':"role"': sql.Identifier(role),
            ":'password'": sql.Literal(self.value(secret)["password"]),
        }
        with source.server.connect(seed.DATABASE) as connection, connection.transaction():
            for path in sorted(SETUP.glob("*.sql")):
                text = path.read_text(encoding="utf-8")
                for variable, value in values.items():  # as psql does
                    text = text.replace(variable, value.as_string(connection))
                connection.execute(text.encode())

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

    def _user(self, user: str, source: ServedCluster) -> dict[str, str]:
        """A user of the company's with a password of this lab's own."""
        password = randomness.token_urlsafe(24)
        assert source.server is not None
        with source.server.connect() as connection:
            known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).fetchone()
            verb = "ALTER" if known is not None else "CREATE"
            kind = " SUPERUSER" if user == SUPERUSER else ""
            connection.execute(
                sql.SQL(f"{verb} ROLE {{}} LOGIN{kind} PASSWORD {{}}").format(
                    sql.Identifier(user), sql.Literal(password)
                )
            )
        return {"username": user, "password": password}

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
            **self._user(seed.APPLICATION if drill.is_managed else BATCH, source),
        }
        if not drill.is_managed:
            superuser = self._client.create_secret(
                Name=f"{drill.secret}/superuser",
                SecretString=json.dumps(held | self._user(SUPERUSER, source)),
            )
            held["masterarn"] = superuser["ARN"]
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


def _role(iam: Any) -> str:
    """A role of the company's, that may read and write its secrets."""
    trust: dict[str, Any] = {"Version": POLICY_VERSION, "Statement": []}
    made = iam.create_role(RoleName=COMPANY_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    allowed = {"Effect": "Allow", "Action": ["secretsmanager:*", "kms:*"], "Resource": "*"}
    iam.put_role_policy(
        RoleName=COMPANY_ROLE,
        PolicyName="rotates",
        PolicyDocument=json.dumps({"Version": POLICY_VERSION, "Statement": [allowed]}),
    )
    return str(made["Role"]["Arn"])


def _put_back(functions: Functions, spec: FunctionSpec) -> None:
    functions.create(spec)
