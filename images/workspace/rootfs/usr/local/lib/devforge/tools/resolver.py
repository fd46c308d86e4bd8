"""Resolves paths below the workspace without ever leaving it, even when links point elsewhere or entries are moved.

Each component is opened relative to its parent's descriptor and without following links. Targets of links are resolved
the same way, and `..`, which only they may contain, returns to a parent that is already open.
"""
from __future__ import annotations

import errno
import os
import stat

from errors import RequestError

ROOT = b"/workspace"
MAX_LINKS = 40
# What to do about missing parent directories: fail, ignore them (nothing is opened), or create them.
FAIL, IGNORE, CREATE = range(3)

OUTSIDE = RequestError("path_outside_workspace", "The path leads outside the workspace.")
NO_FD = -1


class ResolvedPath:
    """The entry a path leads to, with links resolved. Where nothing exists, `fd` and `status` are None and `mode` is 0."""

    def __init__(self, parent: int, name: bytes, fd: int | None, depth: int):
        # Both are undefined (-1 and b"") for the workspace itself and below missing directories.
        self.parent = parent
        self.name = name
        self.fd = fd
        self.status = None if fd is None else os.fstat(fd)
        self.mode = 0 if self.status is None else self.status.st_mode
        # Number of directories below the workspace, including the entry if it is one.
        self.depth = depth

    @property
    def exists(self) -> bool:
        return self.fd is not None

    @property
    def is_workspace(self) -> bool:
        return self.exists and self.parent == NO_FD

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class PathResolver:
    """Resolves the paths of one request. `close` closes every descriptor that was opened for it."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        self.root = self.own(os.open(ROOT, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))

    def own(self, fd: int) -> int:
        """Closes the descriptor together with the others."""
        self.descriptors.append(fd)
        return fd

    def close(self) -> None:
        while self.descriptors:
            os.close(self.descriptors.pop())

    def resolve(self, path: bytes, follow: bool = True, missing: int = FAIL) -> ResolvedPath:
        """`follow`: whether a link in the last component is followed. `missing`: see FAIL, IGNORE, CREATE."""
        stack = [(NO_FD, b"", self.root)]
        pending = split_components(path)[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name == b"..":
                if len(stack) == 1:
                    raise OUTSIDE
                stack.pop()
                continue
            parent = stack[-1][2]
            fd = self.open_component(parent, name)
            if fd is None:
                if not pending:
                    return ResolvedPath(parent, name, None, len(stack) - 1)
                if missing == IGNORE and b".." not in pending:
                    return ResolvedPath(NO_FD, b"", None, len(stack) - 1 + len(pending))
                if missing != CREATE:
                    raise RequestError("file_not_found", "No such file or directory.")
                create_directory(parent, name)
                pending.append(name)
                continue
            mode = os.fstat(fd).st_mode
            if stat.S_ISLNK(mode) and (pending or follow):
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink(b"", dir_fd=fd)
                if target.startswith(b"/"):
                    del stack[1:]
                pending += split_components(target)[::-1]
            elif stat.S_ISDIR(mode):
                stack.append((parent, name, fd))
            elif pending:
                raise RequestError("not_a_directory", "A parent of the path is not a directory.")
            else:
                return ResolvedPath(parent, name, fd, len(stack) - 1)
        return ResolvedPath(*stack[-1], len(stack) - 1)

    def open_component(self, parent: int, name: bytes) -> int | None:
        try:
            return self.own(os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent))
        except FileNotFoundError:
            return None

    def open_directory(self, fd: int) -> int:
        """Opens the directory of an O_PATH descriptor for reading."""
        return self.own(os.open(b".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd))

    def open_file(self, fd: int) -> int:
        """Opens the file of an O_PATH descriptor for reading."""
        return self.own(os.open(b"/proc/self/fd/%d" % fd, os.O_RDONLY))


def split_components(path: bytes) -> list[bytes]:
    """Fails for an absolute path that is not below the workspace."""
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if not path.startswith(b"/"):
        return parts
    if parts[:1] != [ROOT[1:]]:
        raise OUTSIDE
    return parts[1:]


def temporary_name() -> bytes:
    return b".devforge-" + os.urandom(8).hex().encode()


def create_directory(parent: int, name: bytes) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        # Another process has just created it.
        pass


def open_directory(folder: int, name: bytes) -> int:
    """Opens a directory, and not a link to one, for reading."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def kind_of(mode: int) -> str:
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
