"""The lean way to a bucket: requests of S3 over kept connections, asked again where that is due.

For what is done once per object: through the SDK each costs milliseconds of CPU. What is done once
per bucket goes through the SDK.
"""

from __future__ import annotations

import random
import re
import ssl
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast
from xml.sax.saxutils import unescape

from botocore.httpsession import create_urllib3_context, get_cert_path

from functions.errors import DrillError, TlsFailed, TryAgain
from functions.s3_versions import listing
from functions.s3_versions.connection import AnswerLost, Connection, ConnectionStale, Head
from functions.s3_versions.listing import Page, Position
from functions.s3_versions.pace import Pace
from functions.s3_versions.signing import EMPTY, Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRIES: Final = 8
LONGEST_PAUSE_SECONDS: Final = 20.0

SLOWER: Final = frozenset({"SlowDown", "ServiceUnavailable", "Throttling", "TooManyRequests"})
"""Codes by which S3 asks to be asked less."""

AGAIN: Final = SLOWER | {
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
}
"""Codes by which S3 asks to be asked again; the conflicts (409) are with what is under way."""

_SLOWER_STATUSES: Final = frozenset({429, 503})
_AGAIN_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_ELSEWHERE: Final = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "Redirect", "TemporaryRedirect"}
)
_TELLING: Final = frozenset(
    {
        "CompleteMultipartUpload",
        "CopyObject",
        "DeleteObjects",
        "GetBucketVersioning",
        "ListMultipartUploads",
        "ListObjectVersions",
        "UploadPartCopy",
    }
)
"""Operations that always answer in XML, and some with an error after a 200."""

_OF_THE_OBJECT: Final = "CompleteMultipartUpload"
"""The operation whose checksum is not that of its body, but that of the object it makes."""

_ROOT: Final = re.compile(rb"\s*(?:<\?xml[^>]*>)?\s*<(?:\w+:)?(\w+)")
_FIELD: Final = re.compile(rb"<(?:\w+:)?(Code|Message)>([^<]*)<")

Consume = Callable[[Iterable[bytes]], bytes]


class RequestFailed(DrillError):
    """When a request of S3 has no good answer; what S3 said of it is in the attributes."""

    def __init__(
        self, operation: str, bucket: str, key: str, *, status: int, code: str, words: str
    ) -> None:
        """`status` is 0 and `code` empty where no answer came at all."""
        told = f"{bucket}/{key}" if key else bucket
        said = " ".join(filter(None, (str(status or ""), code, words)))
        super().__init__(f"{operation} {told!r}: {said}")
        self.operation, self.key = operation, key
        self.status, self.code, self.words = status, code, words


class RequestRefused(RequestFailed):
    """When S3 refuses a request, and would refuse it again."""


class NoAnswer(RequestFailed, TryAgain):
    """When S3 asked again and again to be asked later, or did not answer."""


class BucketClosed(DrillError):
    """When a request is made of a bucket that was closed."""


class Answer(NamedTuple):
    """A good answer; `tries` is how often it was asked for, more than 1 where one was lost."""

    status: int
    headers: dict[str, str]
    body: bytes
    tries: int


class Bucket:
    """One bucket over connections of its own, as the client's configuration tells to reach it.

    Thread-safe. Close it, or use it as a context manager. `tells_tags` holds the kinds of HEAD
    (whether by version id) that were seen to tell how many tags an object has: not every server
    does, nor S3 to who may not read tags, which for versions is a permission of its own.
    """

    def __init__(
        self,
        name: str,
        *,
        client: S3Client,
        owner: str = "",
        connections: int = 16,
        tries: int = TRIES,
        pause_seconds: float = 0.1,
    ) -> None:
        """Ask botocore where it is; nothing is sent yet.

        `owner` is the account that must own it, empty for any. `pause_seconds` is the longest
        pause before the second try; it doubles with each. Raises UnsupportedBucket, and botocore's
        errors where the client has no credentials or no endpoint.
        """
        self.name = name
        self.owner = owner
        self.connections = connections
        self.pace = Pace(connections)
        self.tries = tries
        self._pause_seconds = pause_seconds
        self._signer = Signer(client, name)
        self.tells_tags: set[bool] = set()
        config: Any = client.meta.config
        self._connect_seconds = float(config.connect_timeout)
        self._read_seconds = float(config.read_timeout)
        self._tls = _tls(client) if self._signer.place.secure else None
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; those in use when their request has ended."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def versions(
        self,
        prefix: str = "",
        *,
        after: Position | None = None,
        until: str | None = None,
        page_size: int = 1000,
    ) -> Iterator[Page]:
        """The pages of all versions and markers behind a position, up to and with the key `until`.

        The next page is on its way while the caller works on this one. Raises UnreadableListing,
        RequestRefused and NoAnswer.
        """
        with ThreadPoolExecutor(1, thread_name_prefix=f"list-{self.name}") as ahead:
            coming = ahead.submit(self._list, prefix, after, page_size)
            while True:
                page = listing.parse(coming.result())
                if page.following and after and not _goes_on(page.following, after):
                    raise listing.UnreadableListing(
                        f"the listing of {self.name}: it goes on at {page.following.key!r}, where"
                        " it has been: expected a later key or version"
                    )
                page = _up_to(page, until)
                if page.following is None:
                    yield page
                    return
                after = page.following
                coming = ahead.submit(self._list, prefix, after, page_size)
                yield page

    def request(
        self,
        operation: str,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        consume: Consume | None = None,
    ) -> Answer:
        """The good answer to a request, asked for until it comes or the tries are used up.

        `operation` is S3's name of it. Names of headers are in lower case. A body goes with its
        checksum, which a bucket with a default retention asks for. `consume` gets the pieces of a
        good answer's body, anew at each try; what it returns is the answer's body.

        Raises RequestRefused, NoAnswer, TlsFailed, BucketClosed, and botocore's errors where
        credentials cannot be renewed.
        """
        query, headers = query or {}, dict(headers or {})
        if self.owner:
            headers["x-amz-expected-bucket-owner"] = self.owner
        if body or method in ("PUT", "POST"):
            headers["content-length"] = str(len(body))
        if body and operation != _OF_THE_OBJECT and "content-md5" not in headers:
            headers["x-amz-checksum-crc32"] = b64encode(zlib.crc32(body).to_bytes(4)).decode()
        digest = sha256(body).hexdigest() if body else EMPTY
        redirected = False
        for number in range(1, self.tries + 1):
            head = self._signer.sign(method, key, query=query, headers=headers, digest=digest)
            begun, slower, stale = self.pace.begin(), False, False
            try:
                got, content = self._exchange(head + b"\r\n" + body, method, consume)
                code, words = _complaint(operation, got, content)
                if not code and got.status < 300:
                    return Answer(got.status, got.headers, content, number)
                slower = code in SLOWER or got.status in _SLOWER_STATUSES
            except ssl.SSLCertVerificationError as error:
                raise TlsFailed(f"{operation} {self.name}: {error}") from error
            except (OSError, AnswerLost) as error:
                got, code, words = Head(0, {}), "", f"{type(error).__name__}: {error}"
                stale = isinstance(error, ConnectionStale)
            finally:
                self.pace.end(begun, slower=slower)
            if not redirected and self._is_elsewhere(got, code):
                redirected = True
                self._signer.ask_again()
            elif got.status and got.status not in _AGAIN_STATUSES and code not in AGAIN:
                raise RequestRefused(
                    operation, self.name, key, status=got.status, code=code, words=words
                )
            elif not stale and number < self.tries:
                self.pause(number)
            if stale or redirected:
                self._forget_idle()
        raise NoAnswer(operation, self.name, key, status=got.status, code=code, words=words)

    def pause(self, number: int) -> None:
        """Wait before the try that follows the one with this number, a random time below a limit.

        The limit doubles with each, up to LONGEST_PAUSE_SECONDS.
        """
        longest: float = min(LONGEST_PAUSE_SECONDS, self._pause_seconds * 2 ** (number - 1))
        time.sleep(longest * random.random())  # noqa: S311  # it keeps clients apart, no secrets

    def _list(self, prefix: str, after: Position | None, page_size: int) -> bytes:
        query = {
            "versions": "",
            "encoding-type": "url",
            "max-keys": str(page_size),
            "prefix": prefix,
        }
        if after:
            query["key-marker"] = after.key
            if after.version:
                query["version-id-marker"] = after.version
        headers = {"x-amz-optional-object-attributes": "RestoreStatus"}
        return self.request("ListObjectVersions", "GET", query=query, headers=headers).body

    def _exchange(self, message: bytes, method: str, consume: Consume | None) -> tuple[Head, bytes]:
        """One try, over one connection."""
        connection = self._connection()
        try:
            head = connection.ask(message, bodyless=method == "HEAD")
            if consume and head.status < 300:
                return head, consume(connection.pieces())
            return head, connection.read()
        finally:
            self._give_back(connection)

    def _connection(self) -> Connection:
        with self._lock:
            if self._closed:
                raise BucketClosed(f"bucket {self.name}: it was closed")
            if self._idle:
                return self._idle.pop()
        return Connection(
            self._signer.place,
            tls=self._tls,
            connect_seconds=self._connect_seconds,
            read_seconds=self._read_seconds,
        )

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if connection.reusable and not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _forget_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _is_elsewhere(self, head: Head, code: str) -> bool:
        """Whether the bucket is in another region than the client's."""
        region = self._signer.place.region
        return (
            head.status in (301, 307)
            or code in _ELSEWHERE
            or (head.status == 400 and head.headers.get("x-amz-bucket-region", region) != region)
        )


def _goes_on(following: Position, after: Position) -> bool:
    """Whether a listing makes headway; of one key's versions the ids do not tell the order."""
    return following.key >= after.key and following != after


def _up_to(page: Page, until: str | None) -> Page:
    if until is None or not page.entries or page.entries[-1].key <= until:
        return page
    return Page([entry for entry in page.entries if entry.key <= until], None)


def _complaint(operation: str, head: Head, body: bytes) -> tuple[str, str]:
    """S3's code and words, where it complains; also within an answer that began with 200.

    Raises AnswerLost for an answer that holds nothing where S3 always says something.
    """
    if head.status < 300:
        if operation not in _TELLING:
            return "", ""
        root = _ROOT.match(body)
        if not root:
            raise AnswerLost(f"{body[:80]!r}: expected XML")
        if root[1] != b"Error":
            return "", ""
    fields = {
        name.decode(): unescape(value.decode(errors="replace"))
        for name, value in _FIELD.findall(body)
    }
    code = fields.get("Code", "")
    if head.status < 300:
        code = code or "InternalError"
    return code, fields.get("Message", "")


def _tls(client: S3Client) -> ssl.SSLContext:
    """As the client would check a certificate, and show its own."""
    verify = cast(Any, client)._endpoint.http_session._verify
    context: ssl.SSLContext = create_urllib3_context()
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        context.load_verify_locations(get_cert_path(verify))
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    config: Any = client.meta.config
    if own := config.client_cert:
        context.load_cert_chain(*([own] if isinstance(own, str) else own))
    return context
