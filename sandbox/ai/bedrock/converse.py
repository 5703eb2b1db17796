"""Amazon Bedrock's Converse without a model: an extractive summary of a text, or what is measured in media."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from headrace.sandbox.ai.bedrock import seen_media, titan
from headrace.sandbox.ai.bedrock.seen_media import SeenMedia
from headrace.sandbox.ai.framework import text_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import JobSubject
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext

CHARACTERS_A_TOKEN = 4
SENTENCES = 3
MARK = "[extract, no language model was run]"
SYNTHETIC = "[measured, no model was run]"
LONGEST_TEXT = 500

_SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]*")
_DATA = re.compile(r"<text>\n?(.*?)\n?</text>", re.DOTALL)


def converse(params: Params, context: ServiceContext) -> Params:
    """Return a marked, synthetic answer about the media of the conversation, else an extract of its last message."""
    parts = [part for message in params["messages"] for part in message["content"]]
    seen = _media(parts, params["modelId"], context)
    read = [*params.get("system", []), *parts]
    letters = sum(len(part.get("text", "")) for part in read)
    tokens = -(-letters // CHARACTERS_A_TOKEN) + (seen.tokens if seen else 0)
    if seen and "toolConfig" in params:
        return _used_tool(params["toolConfig"], seen, tokens)
    text = description(seen) if seen else _extract(params["messages"][-1]["content"])
    most = params.get("inferenceConfig", {}).get("maxTokens", 1000) * CHARACTERS_A_TOKEN
    return _answer([{"text": text[:most]}], "max_tokens" if len(text) > most else "end_turn", tokens)


def description(seen: SeenMedia) -> str:
    """Return a marked description of media."""
    labels = ", ".join(seen.labels).lower() or "no label"
    text = f" Text in it: {seen.text[:LONGEST_TEXT]}" if seen.text else ""
    return f"{SYNTHETIC} A {seen.kind} of {seen.width} x {seen.height} pixels: {labels}.{text}"


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


def _media(parts: Iterable[Params], model: str, context: ServiceContext) -> SeenMedia | None:
    for part in parts:
        if "image" in part:
            return seen_media.picture(part["image"])
        if "video" in part:
            return seen_media.video(part["video"], model, context.cloud)
    return None


def _extract(content: list[Params]) -> str:
    prompt = "\n".join(part["text"] for part in content if "text" in part)
    if not prompt:
        raise ServiceError("ValidationException", "A conversation must hold a text.")
    data = _DATA.search(prompt)
    return f"{MARK} {summary(data[1] if data else prompt)}"


def _used_tool(config: Params, seen: SeenMedia, tokens: int) -> Params:
    """Return the use of the first tool: its input has those of the known members that its schema has."""
    tool = config["tools"][0]["toolSpec"]
    members = tool["inputSchema"]["json"].get("properties", {})
    given = {name: value for name, value in _known(seen).items() if name in members}
    use = {"toolUseId": f"tooluse_{tokens:08d}", "name": tool["name"], "input": given}
    return _answer([{"toolUse": use}], "tool_use", tokens)


def _known(seen: SeenMedia) -> dict[str, Any]:
    names = " and ".join(name.lower() for name in seen.labels[:2]) or "plain"
    chapters = [
        {
            "title": f"Part {number}: {', '.join(part.labels[:3]).lower() or 'plain'}",
            "start_seconds": part.start,
            "end_seconds": part.end,
        }
        for number, part in enumerate(seen.parts, 1)
    ]
    return {
        "title": f"[measured] A {names} {seen.kind}",
        "description": description(seen),
        "chapters": chapters,
        "tags": [name.lower() for name in seen.labels],
    }


def _answer(content: list[Params], stop: str, input_tokens: int) -> Params:
    output = -(-len(json.dumps(content)) // CHARACTERS_A_TOKEN)
    usage = {"inputTokens": input_tokens, "outputTokens": output, "totalTokens": input_tokens + output}
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }


def _wrong(answer: Params, text: str) -> Params:
    """Return a response whose model answers with a text."""
    return _answer([{"text": text}], "end_turn", answer["usage"]["inputTokens"])


def _words(sentence: str) -> list[str]:
    return re.findall(r"\w+", sentence.lower())


SERVICE = Service(
    name="bedrock-runtime",
    invalid="ValidationException",
    failure="InternalServerException",
    operations={"Converse": converse, "InvokeModel": titan.invoke_model},
    jobs={},
    subject=lambda params, answer: JobSubject(),
    synthetic=frozenset({"Converse", "InvokeModel"}),
    wrong=_wrong,
)
