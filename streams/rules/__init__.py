"""Match events against patterns in the EventBridge pattern language.

The package does not depend on Kafka:

    Pattern(pattern).matches(event)     one pattern
    Pattern(pattern).explain(event)     why it does not match
    Index({name: pattern, ...}).match(event)    many patterns; the time does not depend on their number

Events are JSON objects as returned by `orjson.loads`.
"""

from headrace.streams.rules.errors import InvalidPatternError
from headrace.streams.rules.index.index import Index
from headrace.streams.rules.pattern import Mismatch, Pattern

__all__ = ["Index", "InvalidPatternError", "Mismatch", "Pattern"]
