"""The directory into which an archive is unpacked before its entries are moved to their places."""
from __future__ import annotations

import errno
import os
import stat

from archive import DIRECTORY, FILE, HARD_LINK, SYMLINK, UNSUPPORTED_KINDS
from errors import RequestError
from links import require_inside, require_no_link_before_parent
from resolver import open_directory
from upload import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from archive import Archive, Member

MAX_DEPTH = 100
# What an archive may have for each entry beside its content: headers for long names, and padding.
MAX_OVERHEAD_BYTES = 4096
MAX_SECONDS = 2**33
BEHIND_LINK_OR_TOO_LONG = (errno.ELOOP, errno.ENAMETOOLONG)


class Staging:
    """Adds the members of an archive. Rejects those that could reach outside the workspace, and what exceeds the limits."""

    def __init__(self, root: int, depth: int, max_bytes: int, max_entries: int):
        self.root = root
        # Number of directories from the workspace down to the target directory.
        self.depth = depth
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self.bytes = 0
        self.entries = 0
        # Links with `..` after a name, with the directories that they are in.
        self.detours: list[tuple[Member, list[bytes]]] = []
        # The parent of the last member stays open: most members have the same parent as the one before.
        self.path: list[bytes] = []
        self.folder = root

    @property
    def max_archive_bytes(self) -> int:
        return self.max_bytes + self.max_entries * MAX_OVERHEAD_BYTES

    def close(self) -> None:
        if self.folder != self.root:
            os.close(self.folder)
        self.folder = self.root
        self.path = []

    def add(self, member: Member, archive: Archive) -> None:
        self.entries += 1
        if self.entries > self.max_entries:
            raise RequestError("tar_refused", f"The archive has more than {self.max_entries} entries.")
        parts = split_path(member, member.name)
        if not parts:
            if member.kind != DIRECTORY:
                raise member.error("is not a valid file name")
            return
        try:
            self.enter(parts[:-1])
            self.add_by_kind(member, parts, archive)
        except (NotADirectoryError, IsADirectoryError):
            raise member.error("is both a directory and something else in the archive") from None
        except OSError as error:
            if error.errno in BEHIND_LINK_OR_TOO_LONG:
                raise member.error("is below a symbolic link, or its name is too long") from None
            raise

    def enter(self, path: list[bytes]) -> None:
        if path != self.path:
            self.close()
            self.folder = self.open_folder(path)
            self.path = path

    def open_folder(self, path: list[bytes]) -> int:
        """Opens the directory without following links, which could lead anywhere, and creates missing parents."""
        fd = self.root
        for name in path:
            try:
                inner = create_and_open(fd, name)
            finally:
                if fd != self.root:
                    os.close(fd)
            fd = inner
        return fd

    def add_by_kind(self, member: Member, parts: list[bytes], archive: Archive) -> None:
        name = parts[-1]
        if member.kind == FILE:
            self.add_file(member, name, archive)
        elif member.kind == DIRECTORY:
            self.add_directory(member, name)
        elif member.kind == SYMLINK:
            if require_inside(member, self.depth + len(parts) - 1):
                self.detours.append((member, parts[:-1]))
            self.remove_existing(name)
            os.symlink(member.link, name, dir_fd=self.folder)
        elif member.kind == HARD_LINK:
            self.add_hard_link(member, name)
        else:
            raise member.error(f"is {UNSUPPORTED_KINDS.get(member.kind, 'of an unknown type')}")

    def add_file(self, member: Member, name: bytes, archive: Archive) -> None:
        self.bytes += member.size
        if self.bytes > self.max_bytes:
            raise RequestError("payload_too_large", "The archive does not fit into the container's disk limit.")
        self.remove_existing(name)
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=self.folder)
        try:
            for piece in archive.content(member.size):
                write_all(fd, piece)
            os.fchmod(fd, member.mode & 0o777 | 0o600)
            modified = min(member.modified, MAX_SECONDS)
            os.utime(fd, (modified, modified))
        finally:
            os.close(fd)

    def add_directory(self, member: Member, name: bytes) -> None:
        fd = create_and_open(self.folder, name)
        try:
            os.fchmod(fd, member.mode & 0o777 | 0o700)
        finally:
            os.close(fd)

    def add_hard_link(self, member: Member, name: bytes) -> None:
        parts = split_path(member, member.link)
        folder = self.open_folder(parts[:-1])
        try:
            if not parts or not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise member.error("is a hard link to something that is not a regular file")
            if parts != split_path(member, member.name):
                self.remove_existing(name)
                os.link(parts[-1], name, src_dir_fd=folder, dst_dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            raise member.error("is a hard link to a file that does not precede it") from None
        finally:
            if folder != self.root:
                os.close(folder)

    def require_links_inside(self) -> None:
        """Once all members are there, since a later one may be a link that an earlier one leads through."""
        for member, folder in self.detours:
            require_no_link_before_parent(member, folder, self.root)

    def remove_existing(self, name: bytes) -> None:
        """The last of several members with the same name wins."""
        try:
            os.unlink(name, dir_fd=self.folder)
        except FileNotFoundError:
            pass


def create_and_open(folder: int, name: bytes) -> int:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        # Opening it fails unless it is a directory.
        pass
    return open_directory(folder, name)


def split_path(member: Member, path: bytes) -> list[bytes]:
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if path.startswith(b"/"):
        raise member.error("has an absolute path")
    if b".." in parts:
        raise member.error("has .. in its path")
    if b"\0" in path:
        raise member.error("has a name that is not valid")
    if len(parts) > MAX_DEPTH:
        raise member.error(f"is nested more than {MAX_DEPTH} directories deep")
    return parts
