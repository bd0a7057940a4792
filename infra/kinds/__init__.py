"""One module per kind of drill: what each step may do, on which targets, in which network."""

from __future__ import annotations

from typing import Protocol, TypeVar

from aws_cdk import aws_lambda as lambda_

D = TypeVar("D", contravariant=True)


class Kind(Protocol[D]):
    """What the stack asks of the construct of a kind."""

    def steps(self, drill: D) -> dict[str, lambda_.Function]:
        """The functions of a drill by the name of the state that calls them."""
