"""What names give away: when a row came, what it refers to, and that a table is none to count on.

A name proves nothing. What is proposed for a name's sake is looked at before, and reviewed after.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_CREATED: Final = re.compile(
    "created?|creation|insert(ed|ion)|received|occurred|recorded|logged|registered|entered"
    "|order(ed)?|purchase|sale|transaction|payment|placed|posted|sent|issued|signed|paid|event"
    "|captured|ingested|arrived|started|cadastro|criacao|(cria|inseri|registra|recebi)d[oa]"
)
_CHANGED: Final = re.compile(
    "updated?|modifi(ed|cation)|changed?|processed|touched|synced|atualizacao"
    "|(atualiza|altera|modifica)d[oa]"
)
_TIME: Final = re.compile("at|on|time|date|datetime|ts|timestamp|dt|data|em|when|utc")
_ALONE: Final = re.compile("at|ts|time|timestamp|datetime")
_LOG: Final = re.compile("(log|cache|session|backup|trace)s?|te?mp|temporary|staging|bak|debug")
_QUEUE: Final = re.compile("(queue|job|task|lock|token)s?|outbox|inbox|pending|retries")
_MAIN: Final = re.compile("id|uuid|guid|code|key|no|number|name")
_PREFIXES: Final = ("tbl_", "tb_", "t_")


def words(name: str) -> list[str]:
    """The words of a name, in lower case.

    >>> words("CreatedAt"), words("order_items_2024"), words("HTTPLog")
    (['created', 'at'], ['order', 'items', '2024'], ['http', 'log'])
    """
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    apart = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", apart)
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]


def tells_time(name: str) -> int:
    """How surely a column of this name says when its row came: 2 its creation, 1 its last change.

    0 where the name does not say so.

    >>> [tells_time(n) for n in ("created_at", "dt_criacao", "at", "updatedAt", "changed_on")]
    [2, 2, 2, 1, 1]
    >>> [tells_time(n) for n in ("expires_at", "birth_date", "due_date", "id", "update_count")]
    [0, 0, 0, 0, 0]
    """
    said = words(name)
    rest = [word for word in said if not _TIME.fullmatch(word)]
    if len(said) == 1 and _ALONE.fullmatch(said[0]):
        return 2
    if len(said) > 1 and len(rest) == len(said):
        return 0
    return 2 if _any(_CREATED, rest) else int(_any(_CHANGED, rest))


def is_log_like(table: str) -> bool:
    """Whether a table's name says that nobody would miss its rows.

    >>> is_log_like("request_log"), is_log_like("WebSessions"), is_log_like("catalog")
    (True, True, False)
    """
    return _any(_LOG, words(table))


def comes_and_goes(table: str) -> bool:
    """Whether a table's name says that its rows do not stay.

    >>> comes_and_goes("mail_queue"), comes_and_goes("customers")
    (True, False)
    """
    return is_log_like(table) or _any(_QUEUE, words(table))


def endings(column: str) -> list[str]:
    """What a column's name says, as a whole and without its first words.

    >>> endings("billingAddressId")
    ['billing_address_id', 'address_id', 'id']
    """
    said = words(column)
    return ["_".join(said[first:]) for first in range(len(said))]


def reference_names(table: str, key: str) -> set[str]:
    """How columns are called that hold the key of a table.

    >>> sorted(reference_names("customers", "id"))
    ['customer_id', 'customers_id', 'id_customer', 'id_customers']
    >>> reference_names("customer", "customer_id"), "category_code" in reference_names(
    ...     "tbl_categories", "code")
    ({'customer_id'}, True)
    """
    own = "_".join(words(key))
    if not _MAIN.fullmatch(own):
        return {own}
    pairs = [(one, end) for one in _singular(table) for end in (own, "id")]
    return {f"{one}_{end}" for one, end in pairs} | {f"{end}_{one}" for one, end in pairs}


def is_of(table: str, key: str) -> bool:
    """Whether a key is called after its table.

    >>> is_of("customers", "customer_no"), is_of("customer_notes", "customer_no")
    (True, False)
    """
    return any(key.startswith(f"{one}_") for one in _singular(table))


def _singular(table: str) -> Iterator[str]:
    """What one row of a table may be called.

    >>> sorted(_singular("tbl_categories"))
    ['categorie', 'categories', 'category']
    """
    name = "_".join(words(table))
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    yield name
    if name.endswith("ies"):
        yield f"{name[:-3]}y"
    if name.endswith("es"):
        yield name[:-2] if name[:-2].endswith(("s", "x", "z", "ch", "sh", "r")) else name[:-1]
    elif name.endswith("s") and not name.endswith("ss"):
        yield name[:-1]


def _any(pattern: re.Pattern[str], said: Sequence[str]) -> bool:
    return any(pattern.fullmatch(word) for word in said)
