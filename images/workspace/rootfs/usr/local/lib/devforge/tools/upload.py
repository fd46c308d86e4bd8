"""Writes a file. It gets its name once it is complete, so that nobody ever sees part of it."""
from __future__ import annotations

import os
import stat

from conditions import ChangeLock, Conditions, changed
from entries import describe
from errors import RequestError
from resolver import CREATE, IGNORE, kind_of, temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from json_channel import JsonChannel
    from resolver import PathResolver, ResolvedPath

DEFAULT_MODE = 0o644


def write(channel: JsonChannel, resolver: PathResolver, request: dict[str, Any]) -> None:
    """Confirms that the path can be written to, receives the body, describes the new file."""
    path = request["path"].encode()
    conditions = Conditions(request)
    conditions.require(require_writable(resolver.resolve(path, missing=IGNORE), request["path"]).status)
    fd = resolver.own(os.open(b".", os.O_TMPFILE | os.O_RDWR, DEFAULT_MODE, dir_fd=resolver.root))
    channel.send_json({"ok": True})
    receive_into(fd, channel, request["maxBytes"])
    with ChangeLock():
        # The workspace may have changed meanwhile.
        if conditions.exist:
            # Before parent directories are created.
            conditions.require(resolver.resolve(path, missing=IGNORE).status)
        existing = require_writable(resolver.resolve(path, missing=CREATE), request["path"])
        os.fchmod(fd, stat.S_IMODE(existing.mode) if existing.exists else DEFAULT_MODE)
        publish(fd, existing, conditions)
    channel.send_json({"ok": True, "created": not existing.exists, "entry": describe(os.fstat(fd))})


def require_writable(target: ResolvedPath, path: str) -> ResolvedPath:
    if target.is_directory:
        raise RequestError("is_a_directory", "It is a directory. To unpack an archive into it, send the archive as application/x-tar.")
    if path.endswith("/"):
        raise RequestError("path_not_valid", "The name of a file must not end with a slash.")
    if target.exists and not target.is_file:
        raise RequestError("special_file", f"Not a regular file: it is a {kind_of(target.mode)}.")
    return target


def receive_into(fd: int, channel: JsonChannel, max_bytes: int) -> None:
    remaining = max_bytes
    for piece in channel.body():
        remaining -= len(piece)
        if remaining < 0:
            raise RequestError("payload_too_large", "The file does not fit into the container's disk limit.")
        write_all(fd, piece)


def write_all(fd: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]


def publish(fd: int, target: ResolvedPath, conditions: Conditions) -> None:
    source = b"/proc/self/fd/%d" % fd
    if target.status is None:
        try:
            os.link(source, target.name, dst_dir_fd=target.parent, follow_symlinks=True)
            return
        except FileExistsError:
            # Another process has just created the file.
            if conditions.exist:
                raise changed() from None
    temporary = temporary_name()
    os.link(source, temporary, dst_dir_fd=target.parent, follow_symlinks=True)
    try:
        if conditions.exist and target.status is not None:
            from replace import replace_unchanged

            replace_unchanged(target.parent, target.name, temporary, target.status)
        else:
            os.rename(temporary, target.name, src_dir_fd=target.parent, dst_dir_fd=target.parent)
    except (OSError, RequestError):
        remove_if_exists(target.parent, temporary)
        raise


def remove_if_exists(folder: int, name: bytes) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass
