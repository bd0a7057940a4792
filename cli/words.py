"""How the command line speaks of keys, bytes, rates and times. Pure."""

from __future__ import annotations

from datetime import datetime

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def shown(key: str) -> str:
    r"""A key for a terminal: what cannot be seen, or would act, is escaped; so is the backslash.

    >>> shown("invoices/é 1.pdf"), shown("a\n\x1b[2Jb"), shown("a\\n"), shown("\u202egpj.exe")
    ('invoices/é 1.pdf', 'a\\n\\x1b[2Jb', 'a\\\\n', '\\u202egpj.exe')
    """
    if key.isprintable() and "\\" not in key:
        return key
    return "".join(
        _ESCAPES.get(sign) or (sign if sign.isprintable() else ascii(sign)[1:-1]) for sign in key
    )


def size(number: float) -> str:
    """Bytes for people.

    >>> [size(n) for n in (0, 1, 999, 1000, 1_500_000, 5 * 1024**3, 999_950, 2.5e15)]
    ['0 B', '1 B', '999 B', '1.0 kB', '1.5 MB', '5.4 GB', '1.0 MB', '2.5 PB']
    """
    if number < 1000:
        return f"{number:.0f} B"
    units = ("kB", "MB", "GB", "TB", "PB")
    for unit in units:
        number /= 1000
        if number < 999.95 or unit == units[-1]:
            break
    return f"{number:.1f} {unit}"


def rate(number: float, seconds: float) -> float:
    """So many a second; 0 where no time has passed.

    >>> rate(10, 4), rate(10, 0)
    (2.5, 0.0)
    """
    return number / seconds if seconds > 0 else 0.0


def written(at: datetime) -> str:
    """An instant as the command line takes it, exactly.

    >>> from datetime import UTC
    >>> written(datetime(2026, 11, 2, 5, 0, 0, 1, tzinfo=UTC))
    '2026-11-02T05:00:00.000001Z'
    """
    return at.isoformat().replace("+00:00", "Z")
