"""The value of a secret: what cannot be read is named by its key, and a password is never told."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from functions.secret_rotation import credential
from functions.secret_rotation.credential import UnreadableSecret
from functions.secret_rotation.values import Credential, Strategy

PASSWORD = "of nobody, Pa55word"  # noqa: S105  # and of no server
HELD: dict[str, Any] = {
    "engine": "postgres",
    "host": "db.example",
    "port": 6543,
    "dbname": "app",
    "username": "app_user",
    "password": PASSWORD,
}
KEYS = [*HELD, "masterarn"]

passwords = some.text(min_size=12, max_size=60).filter(lambda text: "\0" not in text)
odd_values = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.floats(),
    some.text(max_size=8),
    some.lists(some.integers(), max_size=2),
    some.dictionaries(some.text(max_size=3), some.integers(), max_size=2),
)


def test_all_that_a_template_of_aws_reads() -> None:
    found = credential.read(json.dumps(HELD), name="s")
    assert asdict(found) == {
        "host": "db.example",
        "port": 6543,
        "database": "app",
        "username": "app_user",
        "password": PASSWORD,
        "engine": "postgres",
        "superuser": "",
    }
    assert found.strategy is Strategy.SINGLE


def test_what_may_be_absent_has_the_template_s_default() -> None:
    held = {key: value for key, value in HELD.items() if key not in ("port", "dbname")}
    found = credential.read(json.dumps(held), name="s")
    assert (found.port, found.database) == (5432, "postgres")


def test_who_names_a_superuser_alternates() -> None:
    found = credential.read(json.dumps(HELD | {"masterarn": "arn"}), name="s")
    assert found.strategy is Strategy.ALTERNATING
    assert found.facts()["masterarn"] == "arn"


@pytest.mark.parametrize("text", ["", "{", "[]", '"a"', "null", "5", PASSWORD])
def test_a_value_that_is_no_object(text: str) -> None:
    for read in (
        lambda: credential.read(text, name="prod/app"),
        lambda: credential.read_own(text, name="prod/app", source=_credential()),
    ):
        with pytest.raises(UnreadableSecret) as caught:
            read()
        assert str(caught.value) == (
            "secret prod/app: its value: not a JSON object: expected engine, host, port, dbname,"
            " username and password"
        )


@pytest.mark.parametrize("key", ["engine", "host", "username", "password"])
def test_a_key_that_is_missing(key: str) -> None:
    held = {k: v for k, v in HELD.items() if k != key}
    with pytest.raises(UnreadableSecret, match=f"^secret s: {key}: missing: expected a text$"):
        credential.read(json.dumps(held), name="s")


@pytest.mark.parametrize("key", ["engine", "host", "username", "password", "dbname", "masterarn"])
@pytest.mark.parametrize("value", ["a\0b", 5, True, ["a"], {"a": "b"}])
def test_a_value_that_is_no_text(key: str, value: Any) -> None:
    with pytest.raises(UnreadableSecret, match=f"^secret s: {key}: not a text: expected a text$"):
        credential.read(json.dumps(HELD | {key: value}), name="s")


@pytest.mark.parametrize("key", ["engine", "host", "username", "password"])
def test_a_text_that_is_empty(key: str) -> None:
    with pytest.raises(UnreadableSecret, match=f"^secret s: {key}: not a text"):
        credential.read(json.dumps(HELD | {key: ""}), name="s")


@pytest.mark.parametrize("engine", ["mysql", "aurora", "POSTGRES", "postgres "])
def test_an_engine_of_another_kind(engine: str) -> None:
    says = f"^secret s: engine: {engine}: expected postgres or aurora-postgresql$"
    with pytest.raises(UnreadableSecret, match=says):
        credential.read(json.dumps(HELD | {"engine": engine}), name="s")


@pytest.mark.parametrize("port", [1, 5432, 65535, "1", "65535"])
def test_a_port_is_a_number_or_its_text(port: Any) -> None:
    assert credential.read(json.dumps(HELD | {"port": port}), name="s").port == int(port)


@pytest.mark.parametrize(
    "port", [0, 65536, -1, 5432.0, True, None, "", "5432.0", "-1", "0", "db", [5432], {}]
)
def test_what_is_no_port(port: Any) -> None:
    with pytest.raises(UnreadableSecret) as caught:
        credential.read(json.dumps(HELD | {"port": port}), name="s")
    assert str(caught.value) == "secret s: port: not a port: expected 1 to 65535"


@given(password=passwords, changes=some.dictionaries(some.sampled_from(KEYS), odd_values))
def test_no_error_tells_the_password(password: str, changes: dict[str, Any]) -> None:
    held = HELD | changes | {"password": password}
    shown = json.dumps(password)[1:-1]
    told = [*map(str, changes.values()), *HELD, *map(str, HELD.values())]
    assume(not any(password in each for each in told))
    for text in (json.dumps(held), json.dumps(held)[:-1], json.dumps([held])):
        for read in (
            lambda text=text: credential.read(text, name="s"),
            lambda text=text: credential.read_own(text, name="s", source=_credential()),
        ):
            try:
                found = read()
            except UnreadableSecret as error:
                chain: BaseException | None = error
                while chain is not None:
                    for said in (str(chain), repr(chain)):
                        assert password not in said
                        assert shown not in said
                    chain = chain.__cause__ or (
                        None if chain.__suppress_context__ else chain.__context__
                    )
            else:
                assert found.password == password
                assert password not in repr(found)
                assert password not in f"{found} {found!r} {found.facts()}"


@given(
    held=some.fixed_dictionaries(
        {
            "engine": some.sampled_from(["postgres", "aurora-postgresql"]),
            "host": some.text(min_size=1).filter(lambda text: "\0" not in text),
            "username": some.text(min_size=1).filter(lambda text: "\0" not in text),
            "password": passwords,
        },
        optional={"port": some.integers(1, 65535), "dbname": some.sampled_from(["app", "x y"])},
    ),
    further=some.dictionaries(
        some.text(min_size=1).filter(lambda key: key not in KEYS), odd_values, max_size=3
    ),
    fresh=passwords,
)
def test_what_is_rendered_can_be_read_and_keeps_further_keys(
    held: dict[str, Any], further: dict[str, Any], fresh: str
) -> None:
    text = json.dumps({**held, **further})
    found = replace(credential.read(text, name="s"), password=fresh)
    rendered = credential.render(text, credential=found)
    assert credential.read(rendered, name="s") == found
    kept = json.loads(rendered)
    assert json.dumps({key: kept[key] for key in further}) == json.dumps(further)
    assert credential.render(rendered, credential=found) == rendered


def test_a_superuser_comes_and_goes() -> None:
    plain, text = _credential(), json.dumps(HELD)
    told = credential.render(text, credential=replace(plain, superuser="arn"))
    assert json.loads(told)["masterarn"] == "arn"
    assert "masterarn" not in json.loads(credential.render(told, credential=plain))


def test_the_rehearsal_s_own_has_a_user_and_a_password_at_the_source_s_place() -> None:
    own = credential.read_own(
        json.dumps({"username": "u", "password": "q", "host": "elsewhere", "engine": "mysql"}),
        name="r",
        source=_credential(),
    )
    assert own == replace(_credential(), username="u", password="q")  # noqa: S106
    with pytest.raises(UnreadableSecret, match="secret r: username: missing"):
        credential.read_own('{"password": "q"}', name="r", source=_credential())


def test_a_password_goes_to_the_proven_place_whatever_a_version_says() -> None:
    there = replace(_credential(), host="evil", port=1, database="x")
    assert credential.at(there, _credential().facts()) == _credential()


def test_a_port_of_5000_digits() -> None:
    with pytest.raises(UnreadableSecret, match="port: not a port"):
        credential.read(json.dumps(HELD | {"port": "9" * 5000}), name="s")


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(UnreadableSecret, match="password: not a text"):
        credential.read(json.dumps(HELD | {"password": "half \ud800"}), name="s")


def _credential() -> Credential:
    return credential.read(json.dumps(HELD), name="s")
