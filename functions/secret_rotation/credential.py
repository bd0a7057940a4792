"""The value of a secret, read strictly: an error names the key, never what is secret. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from functions.errors import DrillError
from functions.secret_rotation.values import ENGINES, Credential

_DEFAULT_PORT = 5432
_PORT = re.compile(r"[0-9]{1,5}")


class UnreadableSecret(DrillError):
    """When the value of a secret is not the JSON that a rotation for PostgreSQL needs."""


def read(text: str, *, name: str) -> Credential:
    """The credential in a secret's value; `name` is what an error calls the secret.

    The keys are those of AWS's rotation templates: engine, host, username and password are
    obligatory; port is 5432 and dbname `postgres` where they are absent.

    >>> read('{"engine": "postgres", "host": "db", "username": "u"}', name="s")
    Traceback (most recent call last):
    ...
    functions.secret_rotation.credential.UnreadableSecret: secret s: password: missing: expected \
a text

    Raises UnreadableSecret.
    """
    values = _object(text, name)
    engine = _text(values, "engine", name)
    if engine not in ENGINES:
        raise UnreadableSecret(f"secret {name}: engine: {engine}: expected {' or '.join(ENGINES)}")
    return Credential(
        host=_text(values, "host", name),
        port=_port(values, name),
        database=_text(values, "dbname", name) if values.get("dbname") else "postgres",
        username=_text(values, "username", name),
        password=_text(values, "password", name),
        engine=engine,
        superuser=_text(values, "masterarn", name) if values.get("masterarn") else "",
    )


def render(text: str, *, credential: Credential) -> str:
    """The value with this credential's facts, user and password; further keys stay as they are.

    >>> held = '{"engine": "postgres", "host": "db", "username": "u", "password": "a", "team": "x"}'
    >>> render(held, credential=replace(read(held, name="s"), host="b"))
    '{"engine": "postgres", "host": "b", "username": "u", "password": "a", "team": "x", \
"port": 5432, "dbname": "postgres"}'

    Raises UnreadableSecret where the value is no object.
    """
    values = _object(text, "")
    values |= {
        "engine": credential.engine,
        "host": credential.host,
        "port": credential.port,
        "dbname": credential.database,
        "username": credential.username,
        "password": credential.password,
    }
    if credential.superuser:
        values["masterarn"] = credential.superuser
    else:
        values.pop("masterarn", None)
    return json.dumps(values)


def with_password(text: str, password: str) -> str:
    """The value with another password, and nothing else of it changed.

    >>> with_password('{"username": "u", "password": "a", "port": "5432"}', "b")
    '{"username": "u", "password": "b", "port": "5432"}'

    Raises UnreadableSecret where the value is no object.
    """
    return json.dumps({**_object(text, ""), "password": password})


def of_facts(facts: Mapping[str, str]) -> Credential:
    """The place that facts tell, with nobody's user and password.

    >>> of_facts({"host": "a", "port": "1", "dbname": "d", "engine": "postgres", "masterarn": ""})
    Credential(host='a', port=1, database='d', username='', engine='postgres', superuser='')
    """
    return Credential(
        host=facts["host"],
        port=int(facts["port"]),
        database=facts["dbname"],
        username="",
        password="",
        engine=facts["engine"],
        superuser=facts["masterarn"],
    )


def read_own(text: str, *, name: str, source: Credential) -> Credential:
    """The user and the password of the rehearsal's secret, at the place of the source's.

    >>> source = read('{"engine": "postgres", "host": "db", "username": "app", "password": "p"}',
    ...               name="s")
    >>> own = read_own('{"username": "u", "password": "q"}', name="r", source=source)
    >>> own.username, own.host
    ('u', 'db')

    Raises UnreadableSecret.
    """
    values = _object(text, name)
    return replace(
        source,
        username=_text(values, "username", name),
        password=_text(values, "password", name),
    )


def at(found: Credential, facts: Mapping[str, str]) -> Credential:
    """The same user and password at the place that was proven to be the right one.

    >>> one = Credential(host="a", port=1, database="d", username="u", password="p",
    ...                  engine="postgres")
    >>> at(one, replace(one, host="b").facts()).host
    'b'
    """
    return replace(found, host=facts["host"], port=int(facts["port"]), database=facts["dbname"])


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise UnreadableSecret(
            f"secret {name}: its value: not a JSON object: expected engine, host, port, dbname,"
            " username and password"
        )
    return values


def _text(values: dict[str, Any], key: str, name: str) -> str:
    value = values.get(key)
    if value is None:
        raise UnreadableSecret(f"secret {name}: {key}: missing: expected a text")
    if not isinstance(value, str) or not value or "\0" in value or not _is_text(value):
        raise UnreadableSecret(f"secret {name}: {key}: not a text: expected a text")
    return value


def _is_text(value: str) -> bool:
    """Whether it can be written down: half a character cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _port(values: dict[str, Any], name: str) -> int:
    value = values.get("port", _DEFAULT_PORT)
    text = str(value)
    if isinstance(value, bool) or not _PORT.fullmatch(text) or not 0 < int(text) < 65536:
        raise UnreadableSecret(f"secret {name}: port: not a port: expected 1 to 65535")
    return int(text)
