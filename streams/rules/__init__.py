"""Event patterns and rules: which events go where, decided by their content, in EventBridge's own language.

A package without Kafka in it, usable alone:

    Pattern(pattern).matches(event)     one pattern
    Pattern(pattern).explain(event)     why it does not match
    Index({name: pattern, ...}).match(event)    many at once, in a time that does not depend on how many

Events are JSON objects as `orjson.loads` gives them.
"""

from headrace.streams.rules.errors import InvalidPatternError
from headrace.streams.rules.index.index import Index
from headrace.streams.rules.pattern import Mismatch, Pattern

__all__ = ["Index", "InvalidPatternError", "Mismatch", "Pattern"]
