"""Reads a file, lists a directory, removes either."""
from __future__ import annotations

import json
import os
import stat
import time

from conditions import ChangeLock, Conditions, entity_tag
from errors import RequestError
from frames import CHUNK
from resolver import kind_of, temporary_name
from spawn import run_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from json_channel import JsonChannel
    from resolver import PathResolver, ResolvedPath

# The last second of the year 9999, the latest that RFC 3339 can express.
MAX_SECONDS = 253402300799


def read(channel: JsonChannel, resolver: PathResolver, request: dict[str, Any]) -> None:
    """Describes the entry, then sends the part of it that DevForge requests in a second frame: { send, offset, length }."""
    path = resolver.resolve(request["path"].encode())
    if path.fd is None:
        raise RequestError("file_not_found", "No such file or directory.")
    if path.is_directory:
        fd = resolver.open_directory(path.fd)
    elif path.is_file:
        fd = resolver.open_file(path.fd)
    else:
        raise RequestError("special_file", f"Not a regular file: it is a {kind_of(path.mode)}.")
    status = os.fstat(fd)
    Conditions(request).require(status)
    channel.send_json({"ok": True, "entry": describe(status)})
    wanted = channel.receive_json()
    if not wanted["send"]:
        return
    if path.is_directory:
        send_listing(channel, fd, request["path"])
    else:
        send_content(channel, fd, wanted["offset"], wanted["length"])
    channel.send(b"E")


def send_content(channel: JsonChannel, fd: int, offset: int, length: int) -> None:
    os.lseek(fd, offset, os.SEEK_SET)
    while length:
        piece = os.read(fd, min(CHUNK, length))
        if not piece:
            # The file has been truncated; DevForge notices the missing bytes.
            return
        length -= len(piece)
        channel.send(b"D", piece)


def send_listing(channel: JsonChannel, fd: int, path: str) -> None:
    try:
        names = sorted(os.fsencode(name) for name in os.listdir(fd))
    except FileNotFoundError:
        # The directory was removed after it was opened.
        names = []
    text = f'{{"path":{json.dumps(path)},"entries":['
    separator = ""
    for name in names:
        entry = list_entry(fd, name)
        if entry is None:
            continue
        text += separator + json.dumps(entry, separators=(",", ":"))
        separator = ","
        if len(text) >= CHUNK // 4:
            channel.send(b"D", text.encode())
            text = ""
    channel.send(b"D", f"{text}]}}".encode())


def list_entry(fd: int, name: bytes) -> dict[str, Any] | None:
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        entry = {"name": name.decode("utf-8", "replace"), **describe(status)}
        if stat.S_ISLNK(status.st_mode):
            entry["target"] = os.readlink(name, dir_fd=fd).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    del entry["etag"]
    return entry


def describe(status: os.stat_result) -> dict[str, Any]:
    return {
        "type": kind_of(status.st_mode),
        "size": status.st_size,
        "modifiedAt": to_rfc3339(status.st_mtime_ns),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "etag": entity_tag(status),
    }


def to_rfc3339(nanoseconds: int) -> str:
    """In UTC, to the millisecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    parts = time.gmtime(min(max(seconds, 0), MAX_SECONDS))
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', parts)}.{rest // 1_000_000:03d}Z"


def remove(channel: JsonChannel, resolver: PathResolver, request: dict[str, Any]) -> None:
    """Removes a file, a symbolic link (not its target), or a directory with its contents."""
    name = request["path"].encode()
    conditions = Conditions(request)
    with ChangeLock():
        path = resolver.resolve(name, follow=False)
        if path.status is None:
            raise RequestError("file_not_found", "No such file or directory.")
        if path.is_workspace:
            raise RequestError("path_not_valid", "The workspace itself cannot be removed.")
        conditions.require(target_status(resolver, name) if stat.S_ISLNK(path.mode) else path.status)
        if not path.is_directory:
            remove_file(path, conditions)
    if path.is_directory:
        remove_tree(path.parent, path.name)
    channel.send_json({"ok": True})


def target_status(resolver: PathResolver, name: bytes) -> os.stat_result | None:
    """Of what a link leads to: that is what clients are shown, and what their conditions are about."""
    try:
        return resolver.resolve(name).status
    except (RequestError, OSError):
        return None


def remove_file(path: ResolvedPath, conditions: Conditions) -> None:
    if conditions.exist and path.is_file and path.status is not None:
        from replace import remove_unchanged

        remove_unchanged(path.parent, path.name, temporary_name(), path.status)
    else:
        os.unlink(path.name, dir_fd=path.parent)


def remove_tree(parent: int, name: bytes) -> None:
    """Runs `rm`, which copes with trees of any depth that change while they are removed."""
    command: list[bytes | str] = ["rm", "-rf", "--", b"./" + name]
    if run_in(parent, command) == 0:
        return
    make_accessible(parent, name)
    if run_in(parent, command) != 0:
        raise RequestError("file_not_accessible", "Some entries of the directory could not be removed.")


def make_accessible(parent: int, name: bytes) -> None:
    """Directories may lack their owner's write permission, for example the caches of some package managers."""
    try:
        make_directory_accessible(parent, name)
        for _, names, _, folder in os.fwalk(name, dir_fd=parent):
            for inner in names:
                make_directory_accessible(folder, inner)
    except (OSError, RecursionError):
        # The removal that follows fails on what is still not accessible.
        pass


def make_directory_accessible(parent: int, name: bytes) -> None:
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            os.chmod(b"/proc/self/fd/%d" % fd, stat.S_IMODE(mode) | stat.S_IRWXU)
    finally:
        os.close(fd)
