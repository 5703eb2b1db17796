"""Split text into the terms of the full-text index. Pure; the same for SQLite and PostgreSQL.

Each word yields a term of the word and a term of its stem in the language of the text: `running` in English is indexed
as `running` and `run_en`. Terms have only a-z, 0-9 and _, so no database tokenizes them in another way. Letters outside
ASCII are written as hexadecimal UTF-8, which keeps prefixes. Accents and case do not count. Languages that are written
without spaces have one term per character.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Protocol, cast

import snowballstemmer

from headrace.streams.passages.words import lower_words

STEM_LANGUAGES = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""The stemmer of each language code. A text in another language has no stems."""


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802  # the name of the library


@lru_cache(65_536)
def word_term(word: str) -> str:
    """Return the term of a word: without accents and case."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each)).casefold()
    return plain if plain.isascii() and plain.isalnum() else f"_{(plain or word).encode().hex()}"


@lru_cache(65_536)
def stem_term(word: str, language: str) -> str:
    """Return the term of the stem of a word in a language, a code such as `en`; empty without a stemmer."""
    name = STEM_LANGUAGES.get(language)
    if name is None:
        return ""
    stem = _stemmer(name).stemWord(unicodedata.normalize("NFC", word))
    return f"{word_term(stem)}_{'nb' if language == 'no' else language}"


def base_language(code: str) -> str:
    """Return the language of a code such as `en-US`, in lower case: `en`."""
    return re.split(r"[-_]", code, maxsplit=1)[0].lower()


def index_terms(text: str, language: str) -> list[str]:
    """Return the terms of a text: first its words in order, so that phrases match, then its distinct stems."""
    language = base_language(language)
    found = lower_words(text)
    stems = dict.fromkeys(stem_term(word, language) for word in found) if language in STEM_LANGUAGES else {}
    return [*map(word_term, found), *stems]


@cache
def _stemmer(name: str) -> _Stemmer:
    return cast("_Stemmer", snowballstemmer.stemmer(name))
