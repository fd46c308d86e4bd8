"""Gives a directory as a tar archive: files, directories and links; what else there is stays out.

Everything is opened below the folder that it was found in and without following links, so whatever happens to the
names meanwhile, nothing from elsewhere gets into the archive.
"""
import errno
import os
import stat
import tarfile

from frames import CHUNK
from paths import Refusal, open_directory
from programs import run_in

CLOSED = [
    *["(", "-type", "d", "(", "!", "-readable", "-o", "!", "-executable", ")"],
    *["-o", "-type", "f", "!", "-readable", ")", "-print", "-quit"],
]
LONGEST_PATH = 4096
# What can happen to an entry after it was listed.
GONE_OR_ANOTHER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO)


def pack(channel, walk, request):
    """Says whether the directory can be had; gives it if DevForge still wants it: { send }."""
    place = walk.to(request["path"].encode())
    if not place.exists:
        raise Refusal("file_not_found", "There is no such file or directory.")
    if not place.is_directory:
        raise Refusal("not_a_directory", "Only a directory can be had as a tar archive.")
    require_readable(walk, place)
    channel.reply({"ok": True})
    if not channel.ask()["send"]:
        return
    writer = Writer(channel)
    add_tree(writer, os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=place.fd))
    writer.end()
    channel.send(b"E")


def require_readable(walk, place):
    """Tells before the first byte, since an archive that lacks a file looks like any other."""
    words = walk.hold(os.memfd_create("closed"))
    run_in(place.fd, ["find", ".", *CLOSED], {1: words})
    closed = os.pread(words, LONGEST_PATH, 0).split(b"\n")[0]
    if closed:
        raise Refusal("file_not_accessible", f"{closed.decode('utf-8', 'replace')} cannot be read.")


def add_tree(writer, root):
    """Level by level on a list of its own, since trees may be deeper than Python's stack."""
    levels = [(root, b".", iter(names_in(root)))]
    writer.header(b"./", os.fstat(root), tarfile.DIRTYPE)
    try:
        while levels:
            folder, path, names = levels[-1]
            name = next(names, None)
            if name is None:
                os.close(levels.pop()[0])
                continue
            name = os.fsencode(name)
            try:
                inner = add_entry(writer, folder, name, path + b"/" + name)
            except OSError as error:
                if error.errno not in GONE_OR_ANOTHER:
                    raise
                continue
            if inner is not None:
                levels.append((inner, path + b"/" + name, iter(names_in(inner))))
    finally:
        for level in levels:
            os.close(level[0])


def names_in(folder):
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        # It was removed since it was opened.
        return []


def add_entry(writer, folder, name, path):
    """@returns the directory, open, if it is one"""
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        inner = open_directory(folder, name)
        writer.header(path + b"/", os.fstat(inner), tarfile.DIRTYPE)
        return inner
    if stat.S_ISLNK(mode):
        target = os.readlink(name, dir_fd=folder)
        writer.header(path, os.stat(name, dir_fd=folder, follow_symlinks=False), tarfile.SYMTYPE, target)
    elif stat.S_ISREG(mode):
        # It may be a link or a FIFO by now: the one is not followed, the other not waited for.
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                writer.file(path, fd)
        finally:
            os.close(fd)
    return None


class Writer:
    """Puts an archive together and sends it in large pieces."""

    def __init__(self, channel):
        self.channel = channel
        self.waiting = bytearray()
        # The first path of each file that has several.
        self.paths = {}

    def header(self, path, status, kind, link=b"", size=0):
        member = tarfile.TarInfo(os.fsdecode(path))
        member.type = kind
        member.linkname = os.fsdecode(link)
        member.mode = stat.S_IMODE(status.st_mode)
        member.mtime = max(int(status.st_mtime), 0)
        member.uid, member.gid = status.st_uid, status.st_gid
        member.size = size
        self.add(member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))

    def file(self, path, fd):
        status = os.fstat(fd)
        key = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and key in self.paths:
            self.header(path, status, tarfile.LNKTYPE, self.paths[key])
            return
        if status.st_nlink > 1:
            self.paths[key] = path
        self.header(path, status, tarfile.REGTYPE, size=status.st_size)
        left = status.st_size
        while left and (piece := os.read(fd, min(CHUNK, left))):
            left -= len(piece)
            self.add(piece)
        # What became shorter meanwhile is filled up to the length that was announced.
        while left:
            filling = bytes(min(CHUNK, left))
            left -= len(filling)
            self.add(filling)
        self.add(bytes(-status.st_size % tarfile.BLOCKSIZE))

    def end(self):
        self.add(bytes(2 * tarfile.BLOCKSIZE))
        self.flush()

    def add(self, piece):
        self.waiting += piece
        if len(self.waiting) >= CHUNK:
            self.flush()

    def flush(self):
        self.channel.send(b"D", bytes(self.waiting))
        self.waiting.clear()
