"""The metadata and the column types that all tables of the views share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.types import TypeEngine

SCHEMA_NUMBER = 8
"""Raise it with each change of a table or of what the fold writes: the views are then built anew."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Every table of the views. Tables name no database schema: PostgreSQL selects it by the search path."""

# PostgreSQL sorts texts by bytes, as SQLite does, and as S3 lists keys.
TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite numbers rows only in a column of the type INTEGER, which has 64 bits there.
ROW_ID: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
NUMBER = BigInteger()
BYTES = LargeBinary()
# PostgreSQL compares bit strings itself; SQLite calls a function with bytes.
SIGN_BITS: TypeEngine[Any] = LargeBinary().with_variant(BIT(varying=True), "postgresql")
