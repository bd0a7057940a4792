"""CloudWatch's metric math, as far as the template uses it. Pure.

An expression is computed for one period at a time; None is a period without a value.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

Value = float | None
Values = Mapping[str, Value]
Expression = Callable[[Values], Value]

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_OF_MANY: dict[str, Callable[[list[float]], float]] = {"MAX": max, "MIN": min, "SUM": sum}


class NotUnderstood(Exception):
    """When an expression holds what is not computed here: the message says what."""


def parse(text: str) -> Expression:
    """An expression, ready to be computed for a period from the values of its metrics.

    >>> failures = parse("FILL(failed, 0) + FILL(timed_out, 0)")
    >>> failures({"failed": 1.0, "timed_out": None}), failures({"failed": None, "timed_out": None})
    (1.0, 0.0)
    >>> parse("a + b")({"a": 1.0, "b": None}) is None
    True
    >>> parse("IF(a > 2, 1, 0)")({"a": 3.0}), parse("MAX([a, b])")({"a": 3.0, "b": None})
    (1.0, 3.0)

    A name that has no metric is no expression, nor is a function that is not known here:

    >>> parse("RATE(a)")
    Traceback (most recent call last):
    ...
    lab.metric_math.NotUnderstood: 'RATE(a)': the function RATE is not computed here

    Raises NotUnderstood.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise NotUnderstood(f"{text!r}: {error.msg}") from None
    return _compiled(tree, text)


def _compiled(node: ast.expr, text: str) -> Expression:
    match node:
        case ast.Constant(value=int() | float() as number):
            constant = float(number)
            return lambda _: constant
        case ast.Name(id=name):
            return lambda values: _named(values, name, text)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return _both(_ARITHMETIC[type(sign)], _compiled(left, text), _compiled(right, text))
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
            return _both(_COMPARISONS[type(sign)], _compiled(left, text), _compiled(right, text))
        case ast.Call(func=ast.Name(id="FILL"), args=[what, ast.Constant() as with_what]):
            filled, fill = _compiled(what, text), _compiled(with_what, text)
            return lambda values: fill(values) if (it := filled(values)) is None else it
        case ast.Call(func=ast.Name(id="IF"), args=[test, then, otherwise]):
            return _if(*(_compiled(each, text) for each in (test, then, otherwise)))
        case ast.Call(func=ast.Name(id=name), args=[ast.List(elts=elements)]) if name in _OF_MANY:
            return _of_many(_OF_MANY[name], [_compiled(each, text) for each in elements])
        case ast.Call(func=ast.Name(id=name)):
            raise NotUnderstood(f"{text!r}: the function {name} is not computed here")
        case _:
            raise NotUnderstood(f"{text!r}: {ast.unparse(node)} is not computed here")


def _named(values: Values, name: str, text: str) -> Value:
    if name not in values:
        raise NotUnderstood(f"{text!r}: no metric has the id {name}")
    return values[name]


def _both(
    combine: Callable[[float, float], float], left: Expression, right: Expression
) -> Expression:
    def computed(values: Values) -> Value:
        first, second = left(values), right(values)
        return None if first is None or second is None else float(combine(first, second))

    return computed


def _if(test: Expression, then: Expression, otherwise: Expression) -> Expression:
    def computed(values: Values) -> Value:
        asked = test(values)
        return None if asked is None else then(values) if asked else otherwise(values)

    return computed


def _of_many(combine: Callable[[list[float]], float], parts: list[Expression]) -> Expression:
    def computed(values: Values) -> Value:
        found = [value for part in parts if (value := part(values)) is not None]
        return float(combine(found)) if found else None

    return computed
