"""Reads a file, lists a directory, removes either."""
import json
import os
import stat
import time

from frames import CHUNK
from paths import Refusal, kind_of
from programs import run_in

LATEST = 253402300799


def read(channel, walk, request):
    """Tells what is there, then gives as much of it as DevForge asks for in a frame of its own: { send, offset, length }."""
    place = walk.to(request["path"].encode())
    if not place.exists:
        raise Refusal("file_not_found", "There is no such file or directory.")
    if place.is_directory:
        fd = walk.directory(place.fd)
    elif place.is_file:
        fd = walk.content(place.fd)
    else:
        raise Refusal("special_file", f"It is a {kind_of(place.status.st_mode)}, not a file.")
    channel.reply({"ok": True, "entry": describe(os.fstat(fd))})
    wanted = channel.ask()
    if not wanted["send"]:
        return
    if place.is_directory:
        send_listing(channel, fd, request["path"])
    else:
        send_content(channel, fd, wanted["offset"], wanted["length"])
    channel.send(b"E")


def send_content(channel, fd, offset, length):
    os.lseek(fd, offset, os.SEEK_SET)
    while length:
        piece = os.read(fd, min(CHUNK, length))
        if not piece:
            # It has become shorter; what is missing tells.
            return
        length -= len(piece)
        channel.send(b"D", piece)


def send_listing(channel, fd, path):
    try:
        names = sorted(os.fsencode(name) for name in os.listdir(fd))
    except FileNotFoundError:
        # It was removed since it was opened.
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


def list_entry(fd, name):
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        entry = {"name": name.decode("utf-8", "replace"), **describe(status)}
        if stat.S_ISLNK(status.st_mode):
            entry["target"] = os.readlink(name, dir_fd=fd).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    del entry["etag"]
    return entry


def describe(status):
    return {
        "type": kind_of(status.st_mode),
        "size": status.st_size,
        "modifiedAt": to_text(status.st_mtime_ns),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "etag": f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"',
    }


def to_text(nanoseconds):
    """RFC 3339 in UTC, to the millisecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = time.gmtime(min(max(seconds, 0), LATEST))
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{rest // 1_000_000:03d}Z"


def remove(channel, walk, request):
    """Removes a file, a link itself, or a directory with all that is in it."""
    place = walk.to(request["path"].encode(), follow=False)
    if not place.exists:
        raise Refusal("file_not_found", "There is no such file or directory.")
    if place.name is None:
        raise Refusal("path_not_valid", "The workspace itself cannot be removed.")
    if place.is_directory:
        remove_tree(place.parent, place.name)
    else:
        os.unlink(place.name, dir_fd=place.parent)
    channel.reply({"ok": True})


def remove_tree(parent, name):
    """`rm` does it, since it copes with trees of any depth and with whatever happens in them meanwhile."""
    command = ["rm", "-rf", "--", b"./" + name]
    if run_in(parent, command) == 0:
        return
    open_up(parent, name)
    if run_in(parent, command) != 0:
        raise Refusal("file_not_accessible", "Not all of the directory could be removed.")


def open_up(parent, name):
    """Directories may be closed even to their owner, as the caches of some package managers are."""
    try:
        open_one(parent, name)
        for _, names, _, folder in os.fwalk(name, dir_fd=parent):
            for inner in names:
                open_one(folder, inner)
    except (OSError, RecursionError):
        # What is still closed shows when it is removed.
        pass


def open_one(parent, name):
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            os.chmod(b"/proc/self/fd/%d" % fd, stat.S_IMODE(mode) | stat.S_IRWXU)
    finally:
        os.close(fd)
