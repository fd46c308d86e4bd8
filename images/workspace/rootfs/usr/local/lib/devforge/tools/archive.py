"""Reads a tar archive as it arrives, uncompressed or compressed with gzip: ustar, with the extensions of POSIX (pax) and GNU
for long names and large sizes.

Anything else is rejected. The archive is untrusted: whatever its headers claim, no more than a few kilobytes of them are
held in memory.
"""
from __future__ import annotations

from compression import decompressed
from errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypedDict

    from frames import Channel

    class Extensions(TypedDict, total=False):
        """Values of extended headers, which replace those of the header that follows."""

        path: bytes
        linkpath: bytes
        size: int
        mtime: int


BLOCK = 512
MAX_EXTENSION_BYTES = 64 << 10
END = bytes(BLOCK)

FILE, HARD_LINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"
SAME_AS_FILE = (b"0", b"\0", b"7")
UNSUPPORTED_KINDS = {
    b"3": "a device",
    b"4": "a device",
    b"6": "a FIFO",
    b"S": "a sparse file",
    b"M": "part of a multi-volume archive",
}


class Member:
    """An entry of the archive. `name` and `link` are bytes as the archive has them; `modified` is in seconds."""

    def __init__(self, kind: bytes, name: bytes, link: bytes, mode: int, size: int, modified: int):
        self.kind = kind
        self.name = name
        self.link = link
        self.mode = mode
        self.size = size
        self.modified = modified

    def error(self, reason: str) -> RequestError:
        return RequestError("tar_refused", f"{printable(self.name)} {reason}.")


class Archive:
    """Iterates over the members. The content of a file must be read completely before the next member is requested."""

    def __init__(self, channel: Channel, max_bytes: int):
        """`max_bytes` limits what a compressed archive may expand to."""
        self.pieces = decompressed(channel.body(), max_bytes)
        self.pending = b""

    def members(self) -> Iterator[Member]:
        extensions: Extensions = {}
        while (header := self.read_block()) != END:
            member = to_member(header, extensions)
            kind = header[156:157]
            if kind in (b"x", b"g", b"L", b"K"):
                content = self.read_extension(member)
                # Global extended headers hold nothing that is used here.
                if kind != b"g":
                    extensions |= parse_extension(kind, content)
                continue
            extensions = {}
            yield member
        for _ in self.pieces:
            pass

    def content(self, size: int) -> Iterator[bytes]:
        """The content of the file whose member came last, in pieces."""
        padding = -size % BLOCK
        while size:
            piece = self.read_some(size)
            size -= len(piece)
            yield piece
        while padding:
            padding -= len(self.read_some(padding))

    def read_extension(self, member: Member) -> bytes:
        if member.size > MAX_EXTENSION_BYTES:
            raise invalid("an extended header is too long")
        return b"".join(self.content(member.size))

    def read_block(self) -> bytes:
        parts: list[bytes] = []
        remaining = BLOCK
        while remaining:
            parts.append(self.read_some(remaining))
            remaining -= len(parts[-1])
        return b"".join(parts)

    def read_some(self, limit: int) -> bytes:
        if not self.pending:
            piece = next(self.pieces, None)
            if piece is None:
                raise invalid("it is truncated")
            self.pending = piece
        piece, self.pending = self.pending[:limit], self.pending[limit:]
        return piece


def to_member(header: bytes, extensions: Extensions) -> Member:
    if parse_number(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise invalid("a header has a wrong checksum")
    name = parse_text(header[:100])
    if header[257:263] == b"ustar\0" and header[345:346] != b"\0":
        name = parse_text(header[345:500]) + b"/" + name
    kind = header[156:157]
    if kind in SAME_AS_FILE:
        kind = DIRECTORY if name.endswith(b"/") else FILE
    return Member(
        kind,
        extensions.get("path", name),
        extensions.get("linkpath", parse_text(header[157:257])),
        parse_number(header[100:108]),
        extensions.get("size", parse_number(header[124:136])) if kind not in (HARD_LINK, SYMLINK, DIRECTORY) else 0,
        extensions.get("mtime", parse_time(header[136:148])),
    )


def parse_extension(kind: bytes, content: bytes) -> Extensions:
    if kind == b"L":
        return {"path": parse_text(content)}
    if kind == b"K":
        return {"linkpath": parse_text(content)}
    return parse_pax_records(content)


def parse_pax_records(content: bytes) -> Extensions:
    """Each record is its own length, a space, a name, `=`, a value and a line break."""
    extensions: Extensions = {}
    while content:
        length, space, _ = content[:8].partition(b" ")
        if not space or not length.isdigit() or not 5 <= int(length) <= len(content):
            raise invalid("an extended header is malformed")
        record, content = content[len(length) + 1 : int(length)], content[int(length) :]
        name, _, value = record.partition(b"=")
        value = value[:-1]
        if name.startswith(b"GNU.sparse."):
            raise RequestError("tar_refused", "The archive contains sparse files.")
        if name == b"path":
            extensions["path"] = value
        elif name == b"linkpath":
            extensions["linkpath"] = value
        elif name == b"size":
            extensions["size"] = parse_decimal(value)
        elif name == b"mtime":
            extensions["mtime"] = parse_decimal(value.partition(b".")[0].lstrip(b"-"))
    return extensions


def parse_decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise invalid("an extended header is malformed")
    return int(value)


def parse_number(field: bytes) -> int:
    """Octal digits; a number that is too large for them is binary, and its first byte is 0x80."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0") or b"0"
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise invalid("a number is malformed")
    return int(digits, 8)


def parse_time(field: bytes) -> int:
    # 0xFF marks a negative number, a time before 1970.
    return 0 if field[0] == 0xFF else parse_number(field)


def parse_text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def printable(name: bytes) -> str:
    return name[:256].decode("utf-8", "replace")


def invalid(reason: str) -> RequestError:
    return RequestError("tar_refused", f"The body is not a valid tar archive: {reason}.")
