"""Templates that escape what they are given: the standard library's, and safe by default. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from string import Template


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, **values: object) -> Markup:
    """The template with each `$name` replaced; what is not Markup is escaped.

    >>> fill("<td>$name</td>", name="<script>")
    '<td>&lt;script&gt;</td>'
    >>> fill("<tr>$cell</tr>", cell=fill("<td>$n</td>", n=3))
    '<tr><td>3</td></tr>'

    Raises KeyError for a name without a value.
    """
    safe = {
        name: value if isinstance(value, Markup) else escape(str(value), quote=True)
        for name, value in values.items()
    }
    return Markup(Template(template).substitute(safe))


def join(parts: Iterable[str]) -> Markup:
    """The parts one after the other; what is not Markup is escaped.

    >>> join([Markup("<br>"), "a < b"])
    '<br>a &lt; b'
    """
    return Markup("".join(p if isinstance(p, Markup) else escape(p, quote=True) for p in parts))
