"""Writes a file. What arrives has no name until it is whole, so nobody ever sees half of it."""
import os
import stat

from contents import describe
from paths import IMAGINED, MADE, Refusal, kind_of

PLAIN = 0o644


def write(channel, walk, request):
    """Says whether the path can be written to; takes the body; says what became of it."""
    path = request["path"].encode()
    require_writable(walk.to(path, missing=IMAGINED), request["path"])
    fd = walk.hold(os.open(b".", os.O_TMPFILE | os.O_RDWR, PLAIN, dir_fd=walk.root))
    channel.reply({"ok": True})
    receive_into(fd, channel, request["maxBytes"])
    # The workspace may have changed since.
    existing = require_writable(walk.to(path, missing=MADE), request["path"])
    os.fchmod(fd, stat.S_IMODE(existing.status.st_mode) if existing.exists else PLAIN)
    publish(fd, existing)
    channel.reply({"ok": True, "created": not existing.exists, "entry": describe(os.fstat(fd))})


def require_writable(place, path):
    if place.is_directory:
        raise Refusal("is_a_directory", "It is a directory.")
    if path.endswith("/"):
        raise Refusal("path_not_valid", "A file's name does not end with a slash.")
    if place.exists and not place.is_file:
        raise Refusal("special_file", f"It is a {kind_of(place.status.st_mode)}, not a file.")
    return place


def receive_into(fd, channel, most):
    for piece in channel.body():
        most -= len(piece)
        if most < 0:
            raise Refusal("payload_too_large", "It does not fit into the container's disk limit.")
        write_all(fd, piece)


def write_all(fd, piece):
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]


def publish(fd, place):
    source = b"/proc/self/fd/%d" % fd
    if not place.exists:
        try:
            os.link(source, place.name, dst_dir_fd=place.parent, follow_symlinks=True)
            return
        except FileExistsError:
            # Somebody was quicker; theirs is replaced.
            pass
    temporary = temporary_name()
    os.link(source, temporary, dst_dir_fd=place.parent, follow_symlinks=True)
    try:
        os.rename(temporary, place.name, src_dir_fd=place.parent, dst_dir_fd=place.parent)
    except OSError:
        os.unlink(temporary, dir_fd=place.parent)
        raise


def temporary_name():
    return b".devforge-" + os.urandom(8).hex().encode()
