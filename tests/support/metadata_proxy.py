"""A proxy in front of one Kafka broker that removes all brokers from a metadata answer.

It reads the answers of versions 9 to 13: https://kafka.apache.org/protocol.html#The_Messages_Metadata
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

METADATA = 3
HEADER = struct.Struct(">hhi")
"""API key, version and correlation id of a request."""
INT = struct.Struct(">i")
BROKERS_AT = 9
"""Offset of the brokers in an answer: after the correlation id, tagged fields, and the throttle time."""
NO_BROKERS = b"\x01"
"""An empty array: the length plus 1."""


class MetadataProxy:
    """Forwards connections to a broker that answers with the address of the proxy as its own."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self._addresses = (_address(*target), _address(*self._server.getsockname()))
        self._opened: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.left_to_empty = 0
        """The number of metadata answers whose brokers are removed next."""
        self.emptied = 0

    def serve(self) -> None:
        """Accept connections until the proxy is closed."""
        with contextlib.suppress(OSError):
            while True:
                client = self._server.accept()[0]
                broker = socket.create_connection(self._target)
                self._opened += client, broker
                asked: set[int] = set()
                for source, target, change in (
                    (client, broker, lambda frame, asked=asked: _noted(frame, asked)),
                    (broker, client, lambda frame, asked=asked: self._changed(frame, asked)),
                ):
                    threading.Thread(target=_pump, args=(source, target, change), daemon=True).start()

    def close(self) -> None:
        """Close the port and every connection."""
        for each in (self._server, *self._opened):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _changed(self, answer: bytes, asked: set[int]) -> bytes:
        (correlation,) = INT.unpack_from(answer)
        if correlation in asked and self.left_to_empty:
            self.left_to_empty -= 1
            self.emptied += 1
            return answer[:BROKERS_AT] + NO_BROKERS + answer[_end_of_brokers(answer) :]
        return answer.replace(self._addresses[0], self._addresses[1])


@contextlib.contextmanager
def metadata_proxy(host: str, port: int) -> Iterator[MetadataProxy]:
    """Run a proxy in a thread while the block runs."""
    proxy = MetadataProxy((host, port))
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()


def _noted(request: bytes, asked: set[int]) -> bytes:
    """Note the correlation id of a request for metadata."""
    key, version, correlation = HEADER.unpack_from(request)
    if key == METADATA:
        assert 9 <= version <= 13, version
        asked.add(correlation)
    return request


def _address(host: str, port: int) -> bytes:
    """Return the end of a host and a port, as answers of the broker contain them."""
    return host.encode() + INT.pack(port)


def _end_of_brokers(answer: bytes) -> int:
    """Return the offset after the brokers, of which each has an id, host, port, rack and no tagged fields."""
    length, at = _varint(answer, BROKERS_AT)
    for _ in range(length - 1):
        host, at = _varint(answer, at + 4)
        rack, at = _varint(answer, at + host - 1 + 4)
        at += max(0, rack - 1) + 1
    return at


def _pump(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    """Forward frames until one side closes its connection."""
    with contextlib.suppress(OSError, EOFError):
        while True:
            frame = change(_exactly(source, *INT.unpack(_exactly(source, INT.size))))
            target.sendall(INT.pack(len(frame)) + frame)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        received = source.recv(count - len(data))
        if not received:
            raise EOFError
        data += received
    return bytes(data)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned varint and the offset after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
