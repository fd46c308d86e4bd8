"""Gives a directory as a tar archive: files, directories and links; what else there is stays out."""
import os

from frames import CHUNK
from paths import Refusal
from programs import spawn_in, run_in, wait_for

TYPES = ["(", "-type", "f", "-o", "-type", "d", "-o", "-type", "l", ")"]
CLOSED = [
    *["(", "-type", "d", "(", "!", "-readable", "-o", "!", "-executable", ")"],
    *["-o", "-type", "f", "!", "-readable", ")", "-print", "-quit"],
]
TAR = ["tar", "--create", "--file=-", "--format=gnu", "--null", "--no-recursion", "--ignore-failed-read", "--files-from=-"]
# GNU tar's own: some files changed while they were read.
CHANGED = 1
LAST_WORDS = 2048


def pack(channel, walk, request):
    place = walk.to(request["path"].encode())
    if not place.exists:
        raise Refusal("file_not_found", "There is no such file or directory.")
    if not place.is_directory:
        raise Refusal("not_a_directory", "Only a directory can be had as a tar archive.")
    require_readable(walk, place)
    channel.reply({"ok": True})
    # Nothing is read yet if DevForge does not want it after all.
    if not channel.ask()["send"]:
        return
    send_archive(channel, walk, place)
    channel.send(b"E")


def require_readable(walk, place):
    """Tells before the first byte, since an archive that lacks a file looks like any other."""
    words = walk.hold(os.memfd_create("closed"))
    run_in(place.fd, ["find", ".", *CLOSED], {1: words})
    closed = os.pread(words, LAST_WORDS, 0).split(b"\n")[0]
    if closed:
        raise Refusal("file_not_accessible", f"{closed.decode('utf-8', 'replace')} cannot be read.")


def send_archive(channel, walk, place):
    words = walk.hold(os.memfd_create("words"))
    names_out, names_in = os.pipe()
    archive_out, archive_in = os.pipe()
    pids = []
    try:
        pids.append(spawn_in(place.fd, ["find", ".", *TYPES, "-print0"], {1: names_in}))
        pids.append(spawn_in(place.fd, TAR, {0: names_out, 1: archive_in, 2: words}))
        for fd in (names_out, names_in, archive_in):
            os.close(fd)
        while piece := os.read(archive_out, CHUNK):
            channel.send(b"D", piece)
    finally:
        # Without a reader both end by themselves.
        os.close(archive_out)
        code = [wait_for(pid) for pid in pids][-1]
    if code > CHANGED:
        raise Refusal("failed", os.pread(words, LAST_WORDS, 0).decode("utf-8", "replace").strip())
