"""A stand-in for CloudTrail's LookupEvents, at the level of HTTP: the emulator has none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Trail:
    """Answers with what `events` holds for a resource; refuses those that `refuses` names."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.refuses: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.endpoint = ""

    def answer(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(request)
        (attribute,) = request["LookupAttributes"]
        resource = attribute["AttributeValue"]
        if resource in self.refuses:
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        found = self.events.get(resource, [])
        start = int(request.get("NextToken", 0))
        end = start + request["MaxResults"]
        more = {"NextToken": str(end)} if end < len(found) else {}
        return 200, {"Events": found[start:end], **more}


@contextmanager
def listening(trail: Trail) -> Iterator[Trail]:
    """The stand-in on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, answer = trail.answer(json.loads(self.rfile.read(length)))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is to be seen of it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    trail.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield trail
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
