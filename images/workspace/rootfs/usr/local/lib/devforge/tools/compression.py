"""Takes the compression off an archive as it arrives: gzip, which is what most clients have. Others are named and refused."""
from __future__ import annotations

import zlib

from errors import RequestError
from frames import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = b"\x1f\x8b"
GZIP_WINDOW = 31
OTHERS = (
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x1f\x9d", "compress"),
    (0, b"LZIP\x01", "lzip"),
    (0, b"PK\x03\x04", "zip"),
    # The beginning of its first block: that of the stream could be the name of a file in an archive.
    (4, b"1AY&SY", "bzip2"),
)
MAGIC_BYTES = 16


def decompressed(pieces: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """The archive, whether it is compressed or not. `max_bytes` limits what a compressed one may expand to."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= MAGIC_BYTES:
            break
    if head.startswith(GZIP):
        yield from gunzip(with_head(head, pieces), max_bytes)
        return
    for offset, magic, name in OTHERS:
        if head.startswith(magic, offset):
            reason = f"The archive is compressed with {name}. Send it uncompressed, or compressed with gzip."
            raise RequestError("tar_refused", reason)
    yield from with_head(head, pieces)


def with_head(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from pieces


def gunzip(pieces: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """A file of gzip may consist of several members, and end with zeros."""
    decoder = zlib.decompressobj(GZIP_WINDOW)
    is_between = False
    for piece in pieces:
        while True:
            if is_between:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                decoder = zlib.decompressobj(GZIP_WINDOW)
                is_between = False
            try:
                data = decoder.decompress(piece, CHUNK)
            except zlib.error:
                raise damaged() from None
            max_bytes -= len(data)
            if max_bytes < 0:
                raise RequestError("payload_too_large", "The archive does not fit into the container's disk limit.")
            if data:
                yield data
            if decoder.eof:
                piece = decoder.unused_data
                is_between = True
                continue
            piece = decoder.unconsumed_tail
            if not piece and len(data) < CHUNK:
                break
    if not is_between:
        raise damaged()


def damaged() -> RequestError:
    return RequestError("tar_refused", "The archive is compressed with gzip, and damaged or truncated.")
