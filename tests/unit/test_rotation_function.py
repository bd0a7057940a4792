"""The rotation function before it does anything, and the passwords that it makes."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from functions.secret_rotation import rotate
from functions.secret_rotation.login import scram_verifier
from functions.secret_rotation.rotate import RotationFailed

EVENT = {"Step": "createSecret", "SecretId": "arn", "ClientRequestToken": "0" * 32}


@pytest.mark.parametrize("step", ["", "deleteSecret", "createsecret", None, 5])
def test_a_step_that_is_none_of_the_four(step: Any) -> None:
    with pytest.raises(RotationFailed) as failure:
        rotate.handler(EVENT | {"Step": step}, None)
    assert str(failure.value) == (
        f"Step: {step}: expected one of createSecret, setSecret, testSecret, finishSecret"
    )


@pytest.mark.parametrize("key", EVENT)
def test_a_key_that_is_missing_is_named(key: str) -> None:
    event = {name: value for name, value in EVENT.items() if name != key}
    with pytest.raises(KeyError, match=key):
        rotate.handler(event, None)


def test_a_new_password_breaks_no_connection_string() -> None:
    made = {rotate.new_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert len(password) == rotate.PASSWORD_LENGTH
        assert quote(password, safe="") == password
        assert not set(password) & set(string.whitespace + "\"'\\/@:;?#%&$`")


@given(some.text(alphabet=rotate.ALPHABET, min_size=8))
def test_a_verifier_does_not_hold_the_password(password: str) -> None:
    verifier = scram_verifier(password)
    assert password not in verifier
    assert "'" not in verifier
    assert "\\" not in verifier
