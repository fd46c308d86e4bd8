"""Frames over standard input and output: one byte of kind, four bytes of length (big-endian), the payload.

DevForge holds the input open for as long as it cares about the answer. Its end means that nobody waits any more.
"""
import os
import select

HEADER = 5
LONGEST_CONTROL = 4 << 20
CHUNK = 256 << 10


class Gone(Exception):
    """DevForge has let go."""


class Channel:
    def __init__(self):
        self.pending = b""
        # Whether the end of a body is still to come.
        self.in_body = False
        os.set_blocking(1, False)
        self.room = select.poll()
        self.room.register(1, select.POLLOUT)
        # Nothing is asked of it, so that it tells its end alone.
        self.room.register(0, 0)

    def send(self, kind, payload=b""):
        views = [memoryview(kind + len(payload).to_bytes(4, "big")), memoryview(payload)]
        while views:
            try:
                written = os.writev(1, views)
            except BlockingIOError:
                self.wait_for_room()
                continue
            except BrokenPipeError:
                raise Gone from None
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if written:
                views[0] = views[0][written:]

    def wait_for_room(self):
        if any(fd == 0 for fd, _ in self.room.poll()):
            raise Gone

    def receive(self):
        """A whole frame: its kind and its payload."""
        header = self.exactly(HEADER)
        length = int.from_bytes(header[1:], "big")
        if length > LONGEST_CONTROL:
            raise Gone
        return header[:1], self.exactly(length)

    def body(self):
        """The pieces of a stream of `D` frames, up to the `E` frame that ends it."""
        self.in_body = True
        while True:
            header = self.exactly(HEADER)
            left = int.from_bytes(header[1:], "big")
            if header[:1] == b"E":
                self.in_body = False
                return
            while left:
                piece = self.some(left)
                left -= len(piece)
                yield piece

    def exactly(self, size):
        parts = []
        while size:
            parts.append(self.some(size))
            size -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def some(self, most):
        if not self.pending:
            self.pending = os.read(0, CHUNK)
            if not self.pending:
                raise Gone
        piece, self.pending = self.pending[:most], self.pending[most:]
        return piece
