"""A fake SQS that responds at once: `python -m bench.harness.fake_sqs PORT MESSAGES`. Speaks AWS JSON 1.0.

Bodies are S3 notifications, made before the first request. It returns a fixed number of messages, then empty responses.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
import uvloop

from bench.harness.load import notification

BATCH = 10
BODIES = 2_000
NOTHING_SECONDS = 0.2


class Sqs(asyncio.Protocol):
    """One connection. Responds once the request body is complete."""

    left = 0

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to every complete request."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._answer(head.partition(b"x-amz-target:")[2].split(b"\r\n")[0].strip(), body)

    def _answer(self, target: bytes, body: bytes) -> None:
        if target.endswith(b".receivemessage"):
            if Sqs.left <= 0:
                asyncio.get_running_loop().call_later(NOTHING_SECONDS, self._write, b"{}")
                return
            Sqs.left -= BATCH
            self._write(ANSWERS[Sqs.left // BATCH % len(ANSWERS)])
        elif target.endswith(b"batch"):
            done = [{"Id": each["Id"]} for each in orjson.loads(body)["Entries"]]
            self._write(orjson.dumps({"Successful": done, "Failed": []}))
        else:
            self._write(b'{"Attributes": {"VisibilityTimeout": "300"}}')

    def _write(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)  # type: ignore[attr-defined]


def _batch(number: int) -> bytes:
    messages = [
        {
            "MessageId": f"m-{number}-{each}",
            "ReceiptHandle": f"r-{number}-{each}",
            "Body": notification(number * BATCH + each),
            "Attributes": {"ApproximateFirstReceiveTimestamp": "1773500966000"},
        }
        for each in range(BATCH)
    ]
    return orjson.dumps({"Messages": messages})


ANSWERS: list[bytes] = []


async def main(port: int, messages: int) -> None:
    """Serve until the process ends."""
    ANSWERS.extend(map(_batch, range(BODIES // BATCH)))
    Sqs.left = messages
    server = await asyncio.get_running_loop().create_server(Sqs, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
