"""Reads a tar archive as it arrives: ustar, with the extensions of POSIX (pax) and GNU for long names and large sizes.

Everything else is refused rather than guessed at, and nothing that the archive says about itself is believed: no header
makes this program hold more than a few kilobytes.
"""
from paths import Refusal

BLOCK = 512
LONGEST_EXTENSION = 64 << 10
END = bytes(BLOCK)

FILE, HARD_LINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"
SAME_AS_FILE = (b"0", b"\0", b"7")
SPECIAL = {b"3": "a device", b"4": "a device", b"6": "a FIFO", b"S": "a sparse file", b"M": "a part of several volumes"}


class Member:
    """`name` and `link` are bytes as the archive has them."""

    def __init__(self, kind, name, link, mode, size, modified):
        self.kind = kind
        self.name = name
        self.link = link
        self.mode = mode
        self.size = size
        self.modified = modified

    def refused(self, why):
        return Refusal("tar_refused", f"{printable(self.name)} {why}.")


class Archive:
    """Hands out one member after the other; the content of a file is to be read, all of it, before the next one."""

    def __init__(self, channel):
        self.pieces = channel.body()
        self.pending = b""

    def members(self):
        extensions = {}
        while (header := self.block()) != END:
            member = to_member(header, extensions)
            kind = header[156:157]
            if kind in (b"x", b"g", b"L", b"K"):
                content = self.extension(member)
                # Those for all files hold nothing that is used here.
                if kind != b"g":
                    extensions |= read_extension(kind, content, member)
                continue
            extensions = {}
            yield member
        for _ in self.pieces:
            pass

    def content(self, size):
        """The content of the file whose member came last, in pieces."""
        padding = -size % BLOCK
        while size:
            piece = self.some(size)
            size -= len(piece)
            yield piece
        while padding:
            padding -= len(self.some(padding))

    def extension(self, member):
        if member.size > LONGEST_EXTENSION:
            raise damaged("a header is too long")
        return b"".join(self.content(member.size))

    def block(self):
        parts = []
        left = BLOCK
        while left:
            parts.append(self.some(left))
            left -= len(parts[-1])
        return b"".join(parts)

    def some(self, most):
        if not self.pending:
            self.pending = next(self.pieces, None)
            if self.pending is None:
                raise damaged("it ends too early")
        piece, self.pending = self.pending[:most], self.pending[most:]
        return piece


def to_member(header, extensions):
    if number(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise damaged("a header is not one of a tar archive")
    name = text(header[:100])
    if header[257:263] == b"ustar\0" and header[345:346] != b"\0":
        name = text(header[345:500]) + b"/" + name
    kind = header[156:157]
    if kind in SAME_AS_FILE:
        kind = DIRECTORY if name.endswith(b"/") else FILE
    return Member(
        kind,
        extensions.get("path", name),
        extensions.get("linkpath", text(header[157:257])),
        number(header[100:108]),
        extensions.get("size", number(header[124:136])) if kind not in (HARD_LINK, SYMLINK, DIRECTORY) else 0,
        extensions.get("mtime", moment(header[136:148])),
    )


def read_extension(kind, content, member):
    if kind == b"L":
        return {"path": text(content)}
    if kind == b"K":
        return {"linkpath": text(content)}
    return dict(pax_records(content))


def pax_records(content):
    """Each record is its own length, a space, a name, `=`, a value and a line break."""
    while content:
        length, space, _ = content[:8].partition(b" ")
        if not space or not length.isdigit() or not 5 <= int(length) <= len(content):
            raise damaged("an extended header is not valid")
        record, content = content[len(length) + 1 : int(length)], content[int(length) :]
        name, _, value = record.partition(b"=")
        value = value[:-1]
        if name.startswith(b"GNU.sparse."):
            raise Refusal("tar_refused", "The archive has sparse files.")
        if name in (b"path", b"linkpath"):
            yield name.decode(), value
        elif name == b"size":
            yield "size", decimal(value)
        elif name == b"mtime":
            yield "mtime", decimal(value.partition(b".")[0].lstrip(b"-"))


def decimal(value):
    if not value.isdigit() or len(value) > 18:
        raise damaged("an extended header is not valid")
    return int(value)


def number(field):
    """Octal digits; or, when they do not suffice, bytes behind a mark."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0") or b"0"
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise damaged("a number is not valid")
    return int(digits, 8)


def moment(field):
    # What is older than 1970 is marked as a negative number.
    return 0 if field[0] == 0xFF else number(field)


def text(field):
    return field.split(b"\0", 1)[0]


def printable(name):
    return name[:256].decode("utf-8", "replace")


def damaged(why):
    return Refusal("tar_refused", f"The body is no valid tar archive: {why}.")
