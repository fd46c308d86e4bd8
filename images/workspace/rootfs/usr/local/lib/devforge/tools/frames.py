"""Frames over standard input and output: one byte of kind, four bytes of payload length (big-endian), the payload.

DevForge has the same format in src/workspace/programs/frame-parser.ts and in terminal/frames.mjs, and holds all three to
test/support/frames/vectors.json.

DevForge keeps the input open while it waits for the answer. The end of the input means that it no longer does.
"""
from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = 5
# DevForge sends no longer frames.
MAX_PAYLOAD_BYTES = 4 << 20
CHUNK = 256 << 10


class Disconnected(Exception):
    """DevForge has closed its end of the channel."""


class FrameReader:
    """Reassembles frames, for a program that must not wait for the rest of one."""

    def __init__(self) -> None:
        self.received = bytearray()

    def __len__(self) -> int:
        """Bytes of the frame that is not complete yet."""
        return len(self.received)

    def push(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that this piece completes: their kinds and payloads."""
        self.received += piece
        while len(self.received) >= HEADER:
            end = HEADER + payload_length(self.received)
            if len(self.received) < end:
                return
            frame = bytes(self.received[:1]), bytes(self.received[HEADER:end])
            del self.received[:end]
            yield frame


class Channel:
    def __init__(self) -> None:
        self.pending = b""
        # Whether a body has begun and its `E` frame has not been read yet.
        self.in_body = False
        os.set_blocking(1, False)
        self.room = select.poll()
        self.room.register(1, select.POLLOUT)
        # Without an event mask, only the hang-up of the input is reported.
        self.room.register(0, 0)

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        views = [memoryview(kind + len(payload).to_bytes(4, "big")), memoryview(payload)]
        while views:
            try:
                written = os.writev(1, views)
            except BlockingIOError:
                self.wait_for_room()
                continue
            except BrokenPipeError:
                raise Disconnected from None
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if written:
                views[0] = views[0][written:]

    def wait_for_room(self) -> None:
        if any(fd == 0 for fd, _ in self.room.poll()):
            raise Disconnected

    def receive(self) -> tuple[bytes, bytes]:
        """Reads a whole frame: its kind and its payload."""
        header = self.read_exactly(HEADER)
        return header[:1], self.read_exactly(payload_length(header))

    def body(self) -> Iterator[bytes]:
        """Reads a stream of `D` frames in pieces, up to the `E` frame that ends it."""
        self.in_body = True
        while True:
            header = self.read_exactly(HEADER)
            remaining = payload_length(header)
            if header[:1] == b"E":
                self.in_body = False
                return
            while remaining:
                piece = self.read_some(remaining)
                remaining -= len(piece)
                yield piece

    def read_exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            parts.append(self.read_some(size))
            size -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_some(self, limit: int) -> bytes:
        if not self.pending:
            self.pending = os.read(0, CHUNK)
            if not self.pending:
                raise Disconnected
        piece, self.pending = self.pending[:limit], self.pending[limit:]
        return piece


def payload_length(header: bytes | bytearray) -> int:
    length = int.from_bytes(header[1:HEADER], "big")
    if length > MAX_PAYLOAD_BYTES:
        raise Disconnected
    return length
