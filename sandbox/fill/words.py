"""Generate sentences of made-up words with the word frequencies of natural language. Pure."""

from __future__ import annotations

from itertools import accumulate
from random import Random

VOCABULARY = 20_000
SHORTEST_SENTENCE, LONGEST_SENTENCE = 6, 18
_CONSONANTS = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"


class WordSource:
    """Draws words: the n-th most frequent word has 1/n of the frequency of the first (Zipf's law)."""

    def __init__(self, seed: int) -> None:
        random = Random(f"vocabulary/{seed}")
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            words[_word(random)] = None
        self._words = list(words)
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def sentence(self, random: Random) -> str:
        """Return one sentence."""
        length = random.randint(SHORTEST_SENTENCE, LONGEST_SENTENCE)
        return f"{' '.join(random.choices(self._words, cum_weights=self._weights, k=length)).capitalize()}."

    def word(self, rank: int) -> str:
        """Return the word with this rank of frequency; the most frequent word has rank 0."""
        return self._words[rank]


def _word(random: Random) -> str:
    syllables = random.choice((2, 2, 3, 3, 4))
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(syllables))
