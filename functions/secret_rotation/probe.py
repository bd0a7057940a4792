"""The only door to the application: asks it whether it still gets into its database."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass

SECONDS = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a probe answered: `status` is None where no HTTP answer came."""

    status: int | None
    told: str

    @property
    def well(self) -> bool:
        """Whether the application says that all is well."""
        return self.status is not None and 200 <= self.status < 300


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer from elsewhere is no answer of the application's."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def ask(url: str) -> Heard:
    """Ask a URL over a new connection, encrypted and verified. Never raises for what it answers.

    Nothing but https is asked: drills.yaml is refused with anything else.
    """
    if not url.startswith("https://"):
        return Heard(status=None, told="not asked: expected https")
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context()), _NoRedirect()
    )
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked
        url,
        headers={
            "Cache-Control": "no-cache",
            "Connection": "close",
            "User-Agent": "backup-drills",
        },
    )
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return Heard(status=answer.status, told=f"HTTP {answer.status}")
    except urllib.error.HTTPError as answer:
        with answer:
            return Heard(status=answer.code, told=f"HTTP {answer.code}")
    except urllib.error.URLError as failure:
        return Heard(status=None, told=f"no answer: {failure.reason}")
    except (OSError, http.client.HTTPException) as failure:
        return Heard(status=None, told=f"no answer: {failure or type(failure).__name__}")
