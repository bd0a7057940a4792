"""Every key of an entry of `notify`: who hears of what, and where."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.schema.base import Heard, Values

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_WORD = r"[a-zA-Z0-9_=+/.,-]{1,100}"


class SlackChannel(Values):
    """A channel of a Slack workspace that Amazon Q (AWS Chatbot) was let into, by hand, once."""

    workspace: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,255}$")]
    """the id of the Slack workspace, such as T07EA123LEP"""
    channel: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,255}$")]
    """the id of the Slack channel, such as C04F1EXAMPLE"""


class TeamsChannel(Values):
    """A channel of a Microsoft Teams team that Amazon Q (AWS Chatbot) was let into, once."""

    team: Annotated[str, Field(pattern=f"^{_UUID}$")]
    """the id of the Teams team, a UUID"""
    channel: Annotated[str, Field(pattern=f"^{_WORD}%3[aA]{_WORD}%40{_WORD}$")]
    """the id of the Teams channel as in its link, such as 19%3aa1b2c3%40thread.tacv2"""
    tenant: Annotated[str, Field(pattern=f"^{_UUID}$")]
    """the id of the Microsoft tenant, a UUID"""


class Subscription(Values):
    """Who hears of what: one of an address, a Slack channel and a Teams channel."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    """an e-mail address"""
    slack: SlackChannel | None = None
    """workspace and channel"""
    teams: TeamsChannel | None = None
    """team, channel and tenant"""
    severities: Annotated[tuple[Heard, ...], Field(min_length=1)]
    """a list of critical, high, medium, low, info"""

    @property
    def chat(self) -> SlackChannel | TeamsChannel | None:
        """The channel; None for an address."""
        return self.slack or self.teams
