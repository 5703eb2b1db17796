"""Round a number of a query down, without FLOOR, which SQLite has only if it was built with mathematical functions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class RoundedDown(FunctionElement[int]):
    """The greatest whole number that is not above a number."""

    type = BigInteger()
    inherit_cache = True


@compiles(RoundedDown)
def _floor(element: RoundedDown, compiler: Any, **options: Any) -> str:
    return f"CAST(FLOOR({compiler.process(element.clauses, **options)}) AS BIGINT)"


@compiles(RoundedDown, "sqlite")
def _cast(element: RoundedDown, compiler: Any, **options: Any) -> str:
    number = f"({compiler.process(element.clauses, **options)})"
    whole = f"CAST({number} AS INTEGER)"
    return f"({whole} - ({number} < {whole}))"
