"""A local S3 that counts its requests: run by the environment that it is installed in.

`python bench/s3_server.py PORT`. Its dates of a listing have whole seconds, as S3's have. What was
asked of it is told at /_counts: by method and by what of an object or bucket was meant.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_FRACTION = re.compile(rb"\.[0-9]{3}Z</LastModified>")
_MEANT = ("versions", "delete", "uploads", "uploadId", "restore", "tagging")


class Counting:
    """An app around the server's own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._counts: Counter[str] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == "/_counts":
            await _say(send, json.dumps(self._counts).encode())
        else:
            asked = scope["query_string"].decode("latin-1")
            names = {pair.partition("=")[0] for pair in asked.split("&")}
            meant = next((name for name in _MEANT if name in names), "")
            self._counts[f"{scope['method']} {meant}".strip()] += 1
            whole = _whole_seconds(send) if meant == "versions" else send
            await self._app(scope, receive, whole)


def _whole_seconds(send: Send) -> Send:
    """Says the same with whole seconds; the length stays."""

    async def say(message: Message) -> None:
        if body := message.get("body"):
            message = {**message, "body": _FRACTION.sub(b".000Z</LastModified>", body)}
        await send(message)

    return say


async def _say(send: Send, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until SIGTERM."""
    app = importlib.import_module("ministack.app").app
    serve = importlib.import_module("hypercorn.asyncio").serve
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"127.0.0.1:{int(sys.argv[1])}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"

    async def run() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await serve(Counting(app), config, shutdown_trigger=ended.wait)

    asyncio.run(run())


if __name__ == "__main__":
    main()
