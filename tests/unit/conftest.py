"""Unit tests do no I/O: sockets are blocked, and no credentials are to be found."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    disable_socket(allow_unix_socket=True)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
