"""Finds files below the workspace and never leaves it, whatever links say and whoever moves things meanwhile.

Each component is opened on its own, below the folder before it and without following links; links are read and walked
in the same way, and `..`, which only they may have, goes back to a folder that is held open already.
"""
import errno
import os
import stat

ROOT = b"/workspace"
MOST_LINKS = 40
REFUSED, IMAGINED, MADE = range(3)


class Refusal(Exception):
    def __init__(self, code, message):
        self.code = code
        self.message = message


OUTSIDE = Refusal("path_outside_workspace", "The path leads out of the workspace.")
NOT_A_DIRECTORY = "A part of the path is no directory."


class Place:
    """Where a path leads. `parent` and `name` are those of what is there, links resolved; both None for the workspace."""

    def __init__(self, parent, name, fd, depth):
        self.parent = parent
        self.name = name
        self.fd = fd
        self.status = None if fd is None else os.fstat(fd)
        # Folders between the workspace and the place; the place counts when it is one.
        self.depth = depth

    @property
    def exists(self):
        return self.fd is not None

    @property
    def is_directory(self):
        return self.exists and stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self):
        return self.exists and stat.S_ISREG(self.status.st_mode)


class Walk:
    """One way through the workspace; `close` lets go of all that it held open."""

    def __init__(self):
        self.held = []
        self.root = self.hold(os.open(ROOT, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))

    def hold(self, fd):
        self.held.append(fd)
        return fd

    def close(self):
        while self.held:
            os.close(self.held.pop())

    def to(self, path, follow=True, missing=REFUSED):
        """@param follow a link at the end as well @param missing what becomes of folders on the way that are missing"""
        stack = [(None, None, self.root)]
        ahead = components(path)[::-1]
        links = 0
        while ahead:
            name = ahead.pop()
            if name == b"..":
                if len(stack) == 1:
                    raise OUTSIDE
                stack.pop()
                continue
            parent = stack[-1][2]
            fd = self.peek(parent, name)
            if fd is None:
                if not ahead:
                    return Place(parent, name, None, len(stack) - 1)
                if missing == IMAGINED and b".." not in ahead:
                    return Place(None, None, None, len(stack) - 1 + len(ahead))
                if missing != MADE:
                    raise Refusal("file_not_found", "There is no such file or directory.")
                make_directory(parent, name)
                ahead.append(name)
                continue
            mode = os.fstat(fd).st_mode
            if stat.S_ISLNK(mode) and (ahead or follow):
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink(b"", dir_fd=fd)
                if target.startswith(b"/"):
                    del stack[1:]
                ahead += components(target)[::-1]
            elif stat.S_ISDIR(mode):
                stack.append((parent, name, fd))
            elif ahead:
                raise Refusal("not_a_directory", NOT_A_DIRECTORY)
            else:
                return Place(parent, name, fd, len(stack) - 1)
        return Place(*stack[-1], len(stack) - 1)

    def peek(self, parent, name):
        try:
            return self.hold(os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent))
        except FileNotFoundError:
            return None

    def directory(self, fd):
        """The folder that is held, open for reading."""
        return self.hold(os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd))

    def content(self, fd):
        """The file that is held, open for reading."""
        return self.hold(os.open(b"/proc/self/fd/%d" % fd, os.O_RDONLY))


def components(path):
    """@throws Refusal when an absolute path is not one of the workspace"""
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if not path.startswith(b"/"):
        return parts
    if parts[:1] != [ROOT[1:]]:
        raise OUTSIDE
    return parts[1:]


def make_directory(parent, name):
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        # Somebody else made it meanwhile.
        pass


def open_directory(folder, name):
    """For reading, and only if it is one itself."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def kind_of(mode):
    for is_kind, name in KINDS:
        if is_kind(mode):
            return name
    return "device"


KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISLNK, "symlink"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
)
