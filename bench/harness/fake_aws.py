"""Fake S3, and AI services that respond after SECONDS: `python -m bench.harness.fake_aws PORT SECONDS`.

S3 supports list, get and put. Other calls use the AWS JSON protocol and return constant results. `GET /counts` returns
the number of calls per operation.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import orjson
import uvloop

BOX = {"Left": 0.1, "Top": 0.1, "Width": 0.5, "Height": 0.5}
PLACES = [{"Score": 0.99, "BeginOffset": at * 40, "EndOffset": at * 40 + 12} for at in range(8)]
LABELS = [{"Name": f"Label {n}", "Confidence": 99.0 - n, "Instances": [], "Parents": []} for n in range(10)]
ANSWERS: dict[str, object] = {
    "DetectLabels": {"Labels": LABELS, "LabelModelVersion": "3.0"},
    "DetectModerationLabels": {"ModerationLabels": [], "ModerationModelVersion": "7.0"},
    "DetectFaces": {"FaceDetails": [{"BoundingBox": BOX, "Confidence": 99.0}] * 2},
    "RecognizeCelebrities": {"CelebrityFaces": [], "UnrecognizedFaces": [{"BoundingBox": BOX, "Confidence": 99.0}]},
    "DetectEntities": {"Entities": [{**each, "Type": "PERSON", "Text": "Ada Lovelace"} for each in PLACES]},
    "DetectKeyPhrases": {"KeyPhrases": [{**each, "Text": "Ada Lovelace"} for each in PLACES]},
    "DetectPiiEntities": {"Entities": [{**each, "Type": "NAME"} for each in PLACES]},
    "DetectSentiment": {
        "Sentiment": "NEUTRAL",
        "SentimentScore": {"Positive": 0.1, "Negative": 0.1, "Neutral": 0.7, "Mixed": 0.1},
    },
}
SECONDS = 0.0
OBJECTS: dict[str, bytes] = {}
FOLDERS: dict[str, set[str]] = {}
COUNTS: Counter[str] = Counter()


class Cloud(asyncio.Protocol):
    """One connection. Responds once the request body is complete."""

    def __init__(self) -> None:
        self._data = b""
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to every complete request, and to `Expect: 100-continue`."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            lines = self._data[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(self._data) < end + 4 + length:
                if headers.get("expect") and not self._continued:
                    self._continued = True
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[attr-defined]
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._continued = False
            method, target, _ = lines[0].split(" ")
            self._answer(method, target, headers.get("x-amz-target", ""), body)

    def _answer(self, method: str, target: str, operation: str, body: bytes) -> None:
        if operation:
            name = operation.rpartition(".")[2]
            COUNTS[name] += 1
            answer = orjson.dumps(ANSWERS[name])
            asyncio.get_running_loop().call_later(SECONDS, self._write, 200, answer, "application/x-amz-json-1.1")
            return
        url = urlsplit(target)
        if url.path == "/counts":
            self._write(200, orjson.dumps(COUNTS), "application/json")
            return
        key, asked = unquote(url.path).lstrip("/").partition("/")[2], parse_qs(url.query)
        COUNTS[f"s3 {'list' if not key else method.lower()}"] += 1
        if method == "PUT":
            OBJECTS[key] = body
            FOLDERS.setdefault(_folder(key), set()).add(key)
            self._write(200, b"")
        elif not key:
            self._write(200, _listed(asked.get("prefix", [""])[0], asked.get("start-after", [""])[0]))
        elif key in OBJECTS:
            self._write(200, OBJECTS[key])
        else:
            self._write(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")

    def _write(self, status: int, body: bytes, kind: str = "application/xml") -> None:
        head = f'HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nETag: "e"\r\nContent-Length: {len(body)}\r\n\r\n'
        self._transport.write(head.encode() + body)  # type: ignore[attr-defined]


def _folder(key: str) -> str:
    """Return the folder of an object: `bucket/object/`."""
    parts = key.split("/", 2)
    return f"{parts[0]}/{parts[1]}/" if len(parts) == 3 else f"{parts[0]}/"


def _listed(prefix: str, after: str) -> bytes:
    found = sorted(key for key in FOLDERS.get(prefix, ()) if key > after)
    contents = "".join(f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in found)
    return f"<ListBucketResult><KeyCount>{len(found)}</KeyCount>{contents}</ListBucketResult>".encode()


async def main(port: int) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(Cloud, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    SECONDS = float(sys.argv[2])
    uvloop.run(main(int(sys.argv[1])))
