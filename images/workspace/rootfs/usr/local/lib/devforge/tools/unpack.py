"""Unpacks a tar archive into a directory.

It is unpacked into a staging directory and moved from there once it is complete and valid, so an archive that is
rejected or cut off changes nothing.
"""
from __future__ import annotations

import fcntl
import os
import stat
import time

from archive import Archive
from conditions import ChangeLock, Conditions
from entries import remove_tree
from errors import RequestError
from resolver import CREATE, IGNORE, ROOT, open_directory
from staging import Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from json_channel import JsonChannel
    from resolver import PathResolver, ResolvedPath

PREFIX = b".devforge-unpack-"
# Age in seconds from which on a staging directory that no process has locked is removed.
STALE_SECONDS = 60


def unpack(channel: JsonChannel, resolver: PathResolver, request: dict[str, Any]) -> None:
    """Confirms that the path can be unpacked to, receives the archive, reports its number of entries and bytes."""
    path = request["path"].encode()
    conditions = Conditions(request)
    target = require_directory(resolver.resolve(path, missing=IGNORE))
    conditions.require(target.status)
    name = PREFIX + os.urandom(8).hex().encode()
    os.mkdir(name, 0o700, dir_fd=resolver.root)
    try:
        root = resolver.own(open_directory(resolver.root, name))
        fcntl.flock(root, fcntl.LOCK_EX)
        channel.send_json({"ok": True})
        staging = Staging(root, target.depth + (not target.exists), request["maxBytes"], request["maxEntries"])
        archive = Archive(channel, staging.max_archive_bytes)
        for member in archive.members():
            staging.add(member, archive)
        staging.close()
        staging.require_links_inside()
        with ChangeLock():
            if conditions.exist:
                # Before parent directories are created.
                conditions.require(resolver.resolve(path, missing=IGNORE).status)
            merge_into(resolver, path, root)
    finally:
        remove_tree(resolver.root, name)
    channel.send_json({"ok": True, "entries": staging.entries, "bytes": staging.bytes})


def merge_into(resolver: PathResolver, path: bytes, source: int) -> None:
    target = require_directory(resolver.resolve(path, missing=CREATE))
    if not target.exists:
        os.mkdir(target.name, 0o755, dir_fd=target.parent)
        target = require_directory(resolver.resolve(path))
    if target.fd is None:
        raise RequestError("busy", "The directory was removed while the archive was unpacked.")
    fd = resolver.open_directory(target.fd)
    merge(source, fd, move=False)
    merge(source, fd, move=True)


def require_directory(path: ResolvedPath) -> ResolvedPath:
    if path.exists and not path.is_directory:
        raise RequestError("not_a_directory", "An archive can only be unpacked into a directory.")
    return path


def merge(source: int, target: int, move: bool) -> None:
    """Moves the entries of one directory to another: directories are merged, files replaced.

    Without `move`, only checks whether that is possible.
    """
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
                raise RequestError("is_a_directory", f"{text} is a directory, but not in the archive.")
            raise RequestError("not_a_directory", f"{text} is a directory in the archive, but not in the workspace.")
        elif move:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)


def is_directory(folder: int, name: bytes) -> bool | None:
    """None where nothing exists."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


def remove_stale() -> None:
    """Removes staging directories whose helper was killed. A helper that is still running holds a lock on its own."""
    root = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in [os.fsencode(name) for name in os.listdir(root)]:
            if name.startswith(PREFIX) and is_stale(root, name):
                remove_tree(root, name)
    except (OSError, RequestError):
        # The next helper tries again.
        pass
    finally:
        os.close(root)


def is_stale(root: int, name: bytes) -> bool:
    try:
        fd = open_directory(root, name)
    except OSError:
        # It is not a directory.
        return False
    try:
        if os.fstat(fd).st_mtime > time.time() - STALE_SECONDS:
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
