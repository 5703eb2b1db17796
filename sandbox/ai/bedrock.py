"""Amazon Bedrock's Converse without a model; the answer is an extractive summary."""

from __future__ import annotations

import re
from collections import Counter

from headrace.sandbox.ai.framework import text_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import JobSubject
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext

CHARACTERS_A_TOKEN = 4
SENTENCES = 3
MARK = "[extract, no language model was run]"

_SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]*")
_DATA = re.compile(r"<text>\n?(.*?)\n?</text>", re.DOTALL)


def converse(params: Params, _: ServiceContext) -> Params:
    """Return a marked, synthetic answer: an extract of the last message."""
    prompt = "\n".join(part["text"] for part in params["messages"][-1]["content"] if "text" in part)
    if not prompt:
        raise ServiceError("ValidationException", "A conversation must hold a text.")
    data = _DATA.search(prompt)
    answer = f"{MARK} {summary(data[1] if data else prompt)}"
    most = params.get("inferenceConfig", {}).get("maxTokens", 1000) * CHARACTERS_A_TOKEN
    read = sum(len(part.get("text", "")) for part in params.get("system", [])) + len(prompt)
    tokens = {
        "inputTokens": -(-read // CHARACTERS_A_TOKEN),
        "outputTokens": -(-len(answer[:most]) // CHARACTERS_A_TOKEN),
    }
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": answer[:most]}]}},
        "stopReason": "max_tokens" if len(answer) > most else "end_turn",
        "usage": {**tokens, "totalTokens": sum(tokens.values())},
        "metrics": {"latencyMs": 1},
    }


def summary(text: str) -> str:
    """Return the sentences with the most frequent words, in the order of the text."""
    stops = text_analysis.STOP_WORDS[text_analysis.languages(text)[0][0]]
    sentences = [" ".join(match.split()) for match in _SENTENCE.findall(text) if match.strip()]
    counts = Counter(word for sentence in sentences for word in _words(sentence) if word not in stops)

    def weight(number: int) -> float:
        words = _words(sentences[number])
        return sum(counts[word] for word in words) / (len(words) + 5)

    best = sorted(range(len(sentences)), key=lambda number: (-weight(number), number))[:SENTENCES]
    return " ".join(sentences[number] for number in sorted(best))


def _words(sentence: str) -> list[str]:
    return re.findall(r"\w+", sentence.lower())


SERVICE = Service(
    name="bedrock-runtime",
    invalid="ValidationException",
    failure="InternalServerException",
    operations={"Converse": converse},
    jobs={},
    subject=lambda params, answer: JobSubject(),
    synthetic=frozenset({"Converse"}),
)
