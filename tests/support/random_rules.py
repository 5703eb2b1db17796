"""Random patterns and events as JSON: all operators in every form, some of them invalid."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

NAMES = ("a", "b", "c", "a.b")
PLAIN = (
    "",
    "a",
    "A",
    "ab",
    "aB",
    "b",
    "aaa",
    "abab",
    "a*b",
    "a\\b",
    "10.0.0.1",
    "10.0.1.1",
    "::1",
    "1",
    "null",
    "a\nb",
)
FOREIGN = ("ß", "SS", "straße", "STRASSE", "É", "é", "İ", "i", "ı", "K", "k", "ǅ", "日本")
NUMBERS = ("0", "1", "1.0", "-1", "1.5", "100", "1e2", "-0.0", "0.1", "1e-7", "301.8", "5000000001", "9007199254740993")
# Only the basic multilingual plane: event-ruler does not match other text with equals-ignore-case.
BLOCKS = ("10.0.0.0/24", "10.0.0.7/8", "2001:db8::/32", "::1/127", "10.0.0.0", "x/8", "10.0.0.0/33", "10.0.0.1/32")
OPERATORS = ("prefix", "suffix", "equals-ignore-case", "wildcard", "exists", "cidr", "numeric", "anything-but")
WRONG = ("null", "true", "[]", "{}", "[[1]]", '["a", 1]', '{"x": 1}')
WRONG_NUMERIC = ('["="]', '["!=", 1]', '["<", 1, ">", 0]', '[">", 5, "<", 5]', '["=", "1"]', '[">", 0, "<", 1, "<", 2]')


class Drawing:
    """Generates from a seed and `texts`; `wrong` is the probability of an invalid part."""

    def __init__(self, seed: int, texts: tuple[str, ...] = PLAIN, wrong: float = 0.0) -> None:
        self._draw = random.Random(seed)
        self._texts, self._wrong = texts, wrong

    def pattern(self, depth: int = 0) -> str:
        """Return a random pattern."""
        fields = {
            name: self.pattern(depth + 1) if depth < 3 and self._chance(0.35) else self._leaf()
            for name in self._draw.sample(NAMES, self._draw.choice((1, 1, 2, 2, 3)))
        }
        if depth < 3 and self._chance(0.15):
            fields["$or"] = self._list(lambda: self.pattern(depth + 1), 2, 3)
        return self._object(fields)

    def event(self, depth: int = 0) -> str:
        """Return a random event."""
        names = self._draw.sample(NAMES, self._draw.choice((1, 2, 3) if depth == 0 else (0, 1, 2, 3)))
        return self._object({name: self._value(depth) for name in names})

    def _value(self, depth: int) -> str:
        kind = self._draw.random()
        if depth >= 4 or kind < 0.45:
            return self._scalar()
        return self.event(depth + 1) if kind < 0.7 else self._list(lambda: self._value(depth + 1), 0, 3)

    def _leaf(self) -> str:
        return self._list(self._alternative, 1, 2) if not self._chance(self._wrong) else self._draw.choice(WRONG)

    def _alternative(self) -> str:
        if self._chance(0.3):
            return self._scalar()
        name = self._draw.choice(OPERATORS)
        return self._object({name: self._draw.choice(WRONG) if self._chance(self._wrong) else self._operand(name)})

    def _operand(self, name: str) -> str:
        if name == "exists":
            return self._draw.choice(("true", "false"))
        if name == "cidr":
            return json.dumps(self._draw.choice(BLOCKS if self._chance(self._wrong * 5) else BLOCKS[:4]))
        if name == "numeric":
            return self._numeric()
        if name == "anything-but":
            return self._anything_but()
        if name in ("prefix", "suffix") and self._chance(0.3):
            return self._object({"equals-ignore-case": self._text()})
        return self._wild() if name == "wildcard" else self._text()

    def _numeric(self) -> str:
        if self._chance(self._wrong * 2):
            return self._draw.choice(WRONG_NUMERIC)
        low, high = sorted((self._number(), self._number()), key=float)
        if float(low) < float(high) and self._chance(0.5):
            above, below = self._draw.choice((">", ">=")), self._draw.choice(("<", "<="))
            return f'["{above}", {low}, "{below}", {high}]'
        return f'["{self._draw.choice(("=", "<", "<=", ">", ">="))}", {low}]'

    def _anything_but(self) -> str:
        kind = self._draw.randrange(6)
        if kind < 2:
            return self._list(self._text if kind else self._number, 1, 3)
        if kind == 2:
            return self._draw.choice((self._text, self._number))()
        name = self._draw.choice(("prefix", "suffix", "equals-ignore-case", "wildcard"))
        text = self._wild if name == "wildcard" else self._text
        if name in ("prefix", "suffix") and not self._wrong:
            text = lambda: json.dumps(self._draw.choice(self._texts[1:]))  # noqa: E731 - an empty text is invalid
        return self._object({name: text() if self._chance(0.5) else self._list(text, 1, 3)})

    def _wild(self) -> str:
        wrong = self._chance(self._wrong)
        parts = ("a", "b", "A", "*", "*", "\\*", "\\\\", "ab", ".", *(("**", "\\") if wrong else ()))
        drawn = [self._draw.choice(parts) for _ in range(self._draw.randrange(5))]
        kept = [each for at, each in enumerate(drawn) if wrong or each != "*" or drawn[at - 1 : at] != ["*"]]
        return json.dumps("".join(kept))

    def _scalar(self) -> str:
        return self._draw.choice((self._text, self._text, self._number, lambda: self._draw.choice(WRONG[:2])))()

    def _text(self) -> str:
        return json.dumps(self._draw.choice(self._texts), ensure_ascii=self._chance(0.5))

    def _number(self) -> str:
        # Only an exact value may be more than a double can hold.
        return self._draw.choice(NUMBERS if self._chance(self._wrong * 2) else NUMBERS[:-1])

    def _list(self, each: Callable[[], str], least: int, most: int) -> str:
        return f"[{', '.join(each() for _ in range(self._draw.randint(least, most)))}]"

    def _object(self, fields: dict[str, str]) -> str:
        return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}"

    def _chance(self, of_one: float) -> bool:
        return self._draw.random() < of_one
