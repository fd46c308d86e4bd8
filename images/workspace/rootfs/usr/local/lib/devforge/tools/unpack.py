"""Unpacks a tar archive into a directory. It goes to a folder of its own first and is moved from there once it is
whole and nothing in it was refused: an archive that is refused or cut off changes nothing.
"""
import fcntl
import os
import stat
import time

from archive import Archive
from contents import remove_tree
from paths import IMAGINED, MADE, ROOT, Refusal, open_directory
from staging import Staging

PREFIX = b".devforge-unpack-"
# Seconds after which a staging folder that nobody holds was left behind.
STALE = 60


def unpack(channel, walk, request):
    """Says whether the path can be unpacked to; takes the archive; says how much it was."""
    path = request["path"].encode()
    target = require_directory(walk.to(path, missing=IMAGINED))
    name = PREFIX + os.urandom(8).hex().encode()
    os.mkdir(name, 0o700, dir_fd=walk.root)
    try:
        root = walk.hold(open_directory(walk.root, name))
        fcntl.flock(root, fcntl.LOCK_EX)
        channel.reply({"ok": True})
        staging = Staging(root, target.depth + (not target.exists), request["maxBytes"], request["maxEntries"])
        archive = Archive(channel)
        for member in archive.members():
            staging.add(member, archive)
        staging.close()
        merge_into(walk, path, root)
    finally:
        remove_tree(walk.root, name)
    channel.reply({"ok": True, "entries": staging.entries, "bytes": staging.bytes})


def merge_into(walk, path, source):
    place = require_directory(walk.to(path, missing=MADE))
    if not place.exists:
        os.mkdir(place.name, 0o755, dir_fd=place.parent)
        place = require_directory(walk.to(path))
    target = walk.directory(place.fd)
    merge(source, target, move=False)
    merge(source, target, move=True)


def require_directory(place):
    if place.exists and not place.is_directory:
        raise Refusal("not_a_directory", "An archive is unpacked into a directory, and this is none.")
    return place


def merge(source, target, move):
    """Moves what is in one folder to the other; folders that both have are merged, files are replaced.
    @param move otherwise it is only seen whether that can be done"""
    for name in (os.fsencode(entry) for entry in os.listdir(source)):
        ours, theirs = is_directory(source, name), is_directory(target, name)
        if ours and theirs:
            inner = open_directory(source, name), open_directory(target, name)
            try:
                merge(*inner, move)
            finally:
                for fd in inner:
                    os.close(fd)
        elif theirs is not None and ours != theirs:
            text = name.decode("utf-8", "replace")
            if theirs:
                raise Refusal("is_a_directory", f"{text} is a directory here, and something else in the archive.")
            raise Refusal("not_a_directory", f"{text} is a directory in the archive, and something else here.")
        elif move:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)


def is_directory(folder, name):
    """@returns None where there is nothing"""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


def sweep():
    """Takes away what an unpacking left that was killed. Whoever still unpacks holds a lock."""
    root = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in [os.fsencode(name) for name in os.listdir(root)]:
            if name.startswith(PREFIX) and is_stale(root, name):
                remove_tree(root, name)
    except (OSError, Refusal):
        # It stays for the next time.
        pass
    finally:
        os.close(root)


def is_stale(root, name):
    try:
        fd = open_directory(root, name)
    except OSError:
        # It only has the name of one.
        return False
    try:
        if os.fstat(fd).st_mtime > time.time() - STALE:
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
