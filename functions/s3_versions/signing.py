"""Where a bucket is reached, and requests signed for it: Signature Version 4.

Region, endpoint, style of addressing and credentials are botocore's answer for the client at hand;
only the arithmetic is done here, since botocore's costs more than the request itself.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from botocore.exceptions import NoCredentialsError

from functions.errors import DrillError

if TYPE_CHECKING:
    from botocore.signers import RequestSigner
    from mypy_boto3_s3 import S3Client

EMPTY: Final = sha256(b"").hexdigest()
"""The digest of a request without a body."""

_SCOPE: Final = "aws4_request"
_SUPPORTED: Final = frozenset({"s3", "s3v4", "v4"})
_asking: Final = threading.Lock()


class UnsupportedBucket(DrillError):
    """When a bucket is of a kind whose requests are not signed by Signature Version 4."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a bucket is: `path` is what comes before a key, `authority` the Host header."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str
    region: str


class _Seen(Exception):
    """When the request that asks botocore for a place is about to be signed: it is never sent."""


class Signer:
    """The place of one bucket, and its requests signed. Thread-safe."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Ask the client where the bucket is. Raises UnsupportedBucket, and botocore's errors."""
        self._bucket = bucket
        self._client = client
        self._signer: RequestSigner
        self._keys: dict[tuple[str, str, str], bytes] = {}
        self._time = (0, "")
        self.place: Place
        self._ask()

    def ask_again(self) -> None:
        """Where the bucket is after all: botocore finds out its region, by a request of its own.

        Raises botocore's errors.
        """
        self._client.head_bucket(Bucket=self._bucket)
        self._ask()

    def sign(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        digest: str = EMPTY,
    ) -> bytes:
        """The head of a request, signed now; `digest` is the SHA-256 of its body, in hex.

        Names of headers are in lower case. Raises botocore's NoCredentialsError.
        """
        place = self.place
        credentials = self._credentials()
        moment = self._moment()
        told = {
            "host": place.authority,
            "x-amz-content-sha256": digest,
            "x-amz-date": moment,
            **headers,
        }
        if credentials.token:
            told["x-amz-security-token"] = credentials.token
        names = sorted(told)
        path = f"{place.path}/{quote(key, safe='/~')}" if key else place.path or "/"
        asked = canonical_query(query)
        signed = ";".join(names)
        lines = "".join([f"{name}:{' '.join(told[name].split())}\n" for name in names])
        canonical = f"{method}\n{path}\n{asked}\n{lines}\n{signed}\n{digest}"
        scope = f"{moment[:8]}/{place.region}/s3/{_SCOPE}"
        hashed = sha256(canonical.encode("latin-1")).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
        secret = self._key(credentials.secret_key, moment[:8], place.region)
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        head = "".join([f"{name}: {told[name]}\r\n" for name in names])
        target = f"{path}?{asked}" if asked else path
        return (
            f"{method} {target} HTTP/1.1\r\n{head}authorization: AWS4-HMAC-SHA256"
            f" Credential={credentials.access_key}/{scope}, SignedHeaders={signed},"
            f" Signature={signature}\r\n"
        ).encode("latin-1")

    def _ask(self) -> None:
        asker = threading.get_ident()

        def look(request: Any, **told: Any) -> None:
            if threading.get_ident() == asker:
                raise _Seen(request.url, request.context.get("signing", {}), told)

        events, event = self._client.meta.events, "before-sign.s3.HeadBucket"
        with _asking:
            events.register_first(event, look)
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except _Seen as seen:
                url, signing, told = seen.args
            finally:
                events.unregister(event, look)
        version, service = told["signature_version"], signing.get("signing_name", "s3")
        if version not in _SUPPORTED or service != "s3":
            raise UnsupportedBucket(
                f"bucket {self._bucket}: its requests are signed by {version} for"
                f" {service}: expected s3v4 for s3"
            )
        self._signer = told["request_signer"]
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self.place = Place(
            secure=secure,
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 80),
            authority=parts.netloc,
            path=parts.path.rstrip("/"),
            region=signing.get("region", told["region_name"]),
        )

    def _credentials(self) -> Any:
        """Those of the client now: botocore renews what expires."""
        found = self._signer.get_auth_instance("s3", self.place.region, "s3v4").credentials
        if found is None:
            raise NoCredentialsError
        return found

    def _moment(self) -> str:
        now = int(time.time())
        second, text = self._time
        if second != now:
            text = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
            self._time = (now, text)
        return text

    def _key(self, secret: str, day: str, region: str) -> bytes:
        held = (secret, day, region)
        if (key := self._keys.get(held)) is None:
            key = f"AWS4{secret}".encode()
            for part in (day, region, "s3", _SCOPE):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keys = {held: key}
        return key


def canonical_query(query: Mapping[str, str]) -> str:
    """A query as it is signed and sent: sorted, all but the unreserved characters encoded.

    >>> canonical_query({"versions": "", "key-marker": "a b/é+~", "X": "1"})
    'X=1&key-marker=a%20b%2F%C3%A9%2B~&versions='
    """
    pairs = [(quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items()]
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])
