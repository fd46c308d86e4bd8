"""Answers DevForge's requests about files, one after the other, until the input ends.

In:   J  { op, path, … }, and what the operation reads of it
Out:  J  { ok: true, … } or { ok: false, code, message }, and what the operation writes after it
"""
import errno
import os

import contents
import pack
import unpack
import upload
from documents import Documents
from frames import Gone
from paths import Refusal, Walk

OPERATIONS = {
    "read": contents.read,
    "remove": contents.remove,
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
    # What was looked at has become something else meanwhile.
    errno.EEXIST: "busy",
    errno.ENOTEMPTY: "busy",
    errno.ESTALE: "busy",
    errno.ENAMETOOLONG: "path_not_valid",
    errno.ELOOP: "path_not_valid",
}


def main():
    os.umask(0o022)
    channel = Documents()
    try:
        unpack.sweep()
        while answer(channel, channel.ask()):
            pass
    except Gone:
        pass


def answer(channel, request):
    """@returns whether another request may follow: not when a body was left half read"""
    walk = None
    try:
        walk = Walk()
        OPERATIONS[request["op"]](channel, walk, request)
        return True
    except Refusal as refusal:
        refuse(channel, refusal.code, refusal.message)
    except OSError as error:
        refuse(channel, CODES.get(error.errno, "failed"), os.strerror(error.errno or 0))
    finally:
        if walk is not None:
            walk.close()
    return not channel.in_body


def refuse(channel, code, message):
    channel.reply({"ok": False, "code": code, "message": message})
