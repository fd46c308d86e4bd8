"""Answers DevForge's requests about files, one after the other, until the input ends.

In:   J  { op, path, … }, and what the operation reads. With { conditions } the operation is named `…-if`: an older program
         does not know it, and cannot carry it out as if there were none
Out:  J  { ok: true, … } or { ok: false, code, message }, and what the operation writes
"""
from __future__ import annotations

import errno
import os

import entries
import pack
import unpack
import upload
from errors import RequestError
from frames import Disconnected
from json_channel import JsonChannel
from resolver import PathResolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPERATIONS = {
    "read": entries.read,
    "remove": entries.remove,
    "write": upload.write,
    "pack": pack.pack,
    "unpack": unpack.unpack,
}
CODES = {
    errno.ENOENT: "file_not_found",
    errno.ENOTDIR: "not_a_directory",
    errno.EISDIR: "is_a_directory",
    errno.EACCES: "file_not_accessible",
    errno.EPERM: "file_not_accessible",
    errno.EROFS: "file_not_accessible",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    # The entry has changed while it was used.
    errno.EEXIST: "busy",
    errno.ENOTEMPTY: "busy",
    errno.ESTALE: "busy",
    errno.ENAMETOOLONG: "path_not_valid",
    errno.ELOOP: "path_not_valid",
}


def main() -> None:
    os.umask(0o022)
    channel = JsonChannel()
    try:
        unpack.remove_stale()
        while answer(channel, channel.receive_json()):
            pass
    except Disconnected:
        pass


def answer(channel: JsonChannel, request: dict[str, Any]) -> bool:
    """Returns whether another request may follow, which is not the case when part of a body was left unread."""
    resolver = None
    try:
        resolver = PathResolver()
        OPERATIONS[request["op"].removesuffix("-if")](channel, resolver, request)
        return True
    except RequestError as error:
        send_error(channel, error.code, error.message)
    except OSError as error:
        number = error.errno or 0
        send_error(channel, CODES.get(number, "failed"), os.strerror(number))
    finally:
        if resolver is not None:
            resolver.close()
    return not channel.in_body


def send_error(channel: JsonChannel, code: str, message: str) -> None:
    channel.send_json({"ok": False, "code": code, "message": message})
