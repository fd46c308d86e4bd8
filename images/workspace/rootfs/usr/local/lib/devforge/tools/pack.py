"""Sends a directory as a tar archive: files, directories and links. Devices, FIFOs and sockets are left out.

Every entry is opened relative to its parent's descriptor and without following links, so nothing from outside the
directory gets into the archive, even when entries are moved meanwhile.
"""
from __future__ import annotations

import errno
import os
import stat
import tarfile

from conditions import Conditions
from errors import RequestError
from frames import CHUNK
from resolver import open_directory
from spawn import run_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from json_channel import JsonChannel
    from resolver import PathResolver

# Expression of `find` for the first directory or file that cannot be read.
UNREADABLE = [
    *["(", "-type", "d", "(", "!", "-readable", "-o", "!", "-executable", ")"],
    *["-o", "-type", "f", "!", "-readable", ")", "-print", "-quit"],
]
MAX_PATH_BYTES = 4096
# Errors of entries that were removed or replaced after they were listed.
REMOVED_OR_REPLACED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO)


def pack(channel: JsonChannel, resolver: PathResolver, request: dict[str, Any]) -> None:
    """Confirms that the directory can be read, then sends it if DevForge still wants it: { send }."""
    path = resolver.resolve(request["path"].encode())
    if path.fd is None:
        raise RequestError("file_not_found", "No such file or directory.")
    if not path.is_directory:
        raise RequestError("not_a_directory", "Only directories can be downloaded as a tar archive.")
    Conditions(request).require(path.status)
    require_readable(resolver, path.fd)
    channel.send_json({"ok": True})
    if not channel.receive_json()["send"]:
        return
    writer = TarWriter(channel)
    add_tree(writer, os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=path.fd))
    writer.end()
    channel.send(b"E")


def require_readable(resolver: PathResolver, fd: int) -> None:
    """Fails before the first byte is sent, since nobody would notice that an archive lacks a file."""
    output = resolver.own(os.memfd_create("unreadable"))
    run_in(fd, ["find", ".", *UNREADABLE], {1: output})
    unreadable = os.pread(output, MAX_PATH_BYTES, 0).split(b"\n")[0]
    if unreadable:
        raise RequestError("file_not_accessible", f"{unreadable.decode('utf-8', 'replace')} cannot be read.")


def add_tree(writer: TarWriter, root: int) -> None:
    """Keeps its own stack, since trees may be deeper than Python's."""
    stack = [(root, b".", iter(names_in(root)))]
    writer.header(b"./", os.fstat(root), tarfile.DIRTYPE)
    try:
        while stack:
            folder, path, names = stack[-1]
            name = next(names, None)
            if name is None:
                os.close(stack.pop()[0])
                continue
            try:
                inner = add_entry(writer, folder, name, path + b"/" + name)
            except OSError as error:
                if error.errno not in REMOVED_OR_REPLACED:
                    raise
                continue
            if inner is not None:
                stack.append((inner, path + b"/" + name, iter(names_in(inner))))
    finally:
        for level in stack:
            os.close(level[0])


def names_in(folder: int) -> list[bytes]:
    try:
        return [os.fsencode(name) for name in os.listdir(folder)]
    except FileNotFoundError:
        # The directory was removed after it was opened.
        return []


def add_entry(writer: TarWriter, folder: int, name: bytes, path: bytes) -> int | None:
    """Returns the descriptor of a directory, whose entries are to be added next, and None for anything else."""
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        inner = open_directory(folder, name)
        writer.header(path + b"/", os.fstat(inner), tarfile.DIRTYPE)
        return inner
    if stat.S_ISLNK(mode):
        target = os.readlink(name, dir_fd=folder)
        writer.header(path, os.stat(name, dir_fd=folder, follow_symlinks=False), tarfile.SYMTYPE, target)
    elif stat.S_ISREG(mode):
        # It may have been replaced by a link, which must not be followed, or by a FIFO, which must not block.
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                writer.file(path, fd)
        finally:
            os.close(fd)
    return None


class TarWriter:
    """Sends an archive as it is written, in large frames."""

    def __init__(self, channel: JsonChannel):
        self.channel = channel
        self.buffer = bytearray()
        # The first path of each file that has several, by device and inode.
        self.paths: dict[tuple[int, int], bytes] = {}

    def header(self, path: bytes, status: os.stat_result, kind: bytes, link: bytes = b"", size: int = 0) -> None:
        member = tarfile.TarInfo(os.fsdecode(path))
        member.type = kind
        member.linkname = os.fsdecode(link)
        member.mode = stat.S_IMODE(status.st_mode)
        member.mtime = max(int(status.st_mtime), 0)
        member.uid, member.gid = status.st_uid, status.st_gid
        member.size = size
        self.write(member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))

    def file(self, path: bytes, fd: int) -> None:
        status = os.fstat(fd)
        key = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and key in self.paths:
            self.header(path, status, tarfile.LNKTYPE, self.paths[key])
            return
        if status.st_nlink > 1:
            self.paths[key] = path
        self.header(path, status, tarfile.REGTYPE, size=status.st_size)
        remaining = status.st_size
        while remaining and (piece := os.read(fd, min(CHUNK, remaining))):
            remaining -= len(piece)
            self.write(piece)
        # A file that has been truncated meanwhile is padded to the size in its header.
        while remaining:
            padding = bytes(min(CHUNK, remaining))
            remaining -= len(padding)
            self.write(padding)
        self.write(bytes(-status.st_size % tarfile.BLOCKSIZE))

    def end(self) -> None:
        self.write(bytes(2 * tarfile.BLOCKSIZE))
        self.flush()

    def write(self, piece: bytes) -> None:
        self.buffer += piece
        if len(self.buffer) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        self.channel.send(b"D", bytes(self.buffer))
        self.buffer.clear()
