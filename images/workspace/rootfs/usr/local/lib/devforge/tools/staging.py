"""The folder that an archive is unpacked into before any of it shows in the workspace."""
import errno
import os
import stat

from archive import DIRECTORY, FILE, HARD_LINK, SPECIAL, SYMLINK
from paths import Refusal, open_directory
from upload import write_all

DEEPEST = 100
LONGEST_LINK = 4000
LATEST = 2**33
BEHIND_A_LINK_OR_TOO_LONG = (errno.ELOOP, errno.ENAMETOOLONG)


class Staging:
    """Takes the members of an archive, and refuses what could reach out of the workspace or is more than fits."""

    def __init__(self, root, depth, most_bytes, most_entries):
        self.root = root
        # Folders between the workspace and where it all goes in the end.
        self.depth = depth
        self.most_bytes = most_bytes
        self.most_entries = most_entries
        self.bytes = 0
        self.entries = 0
        # Members of one folder mostly follow one another.
        self.path = []
        self.folder = root

    def close(self):
        if self.folder != self.root:
            os.close(self.folder)
        self.folder = self.root
        self.path = []

    def add(self, member, archive):
        self.entries += 1
        if self.entries > self.most_entries:
            raise Refusal("tar_refused", f"The archive has more than {self.most_entries} entries.")
        parts = parts_of(member, member.name)
        if not parts:
            if member.kind != DIRECTORY:
                raise member.refused("is no name for a file")
            return
        try:
            self.enter(parts[:-1])
            self.place(member, parts, archive)
        except (NotADirectoryError, IsADirectoryError):
            raise member.refused("is in the archive both as a directory and as something else") from None
        except OSError as error:
            if error.errno in BEHIND_A_LINK_OR_TOO_LONG:
                raise member.refused("lies behind a link, or has a name that is too long") from None
            raise

    def enter(self, path):
        if path != self.path:
            self.close()
            self.folder = self.open_folder(path)
            self.path = path

    def open_folder(self, path):
        """Through folders alone, since a link might lead anywhere; makes those that are missing."""
        fd = self.root
        for name in path:
            try:
                inner = made_directory(fd, name)
            finally:
                if fd != self.root:
                    os.close(fd)
            fd = inner
        return fd

    def place(self, member, parts, archive):
        name = parts[-1]
        if member.kind == FILE:
            self.add_file(member, name, archive)
        elif member.kind == DIRECTORY:
            self.add_directory(member, name)
        elif member.kind == SYMLINK:
            require_inside(member, self.depth + len(parts) - 1)
            self.clear(name)
            os.symlink(member.link, name, dir_fd=self.folder)
        elif member.kind == HARD_LINK:
            self.add_hard_link(member, name)
        else:
            raise member.refused(f"is {SPECIAL.get(member.kind, 'of a kind that is not known')}")

    def add_file(self, member, name, archive):
        self.bytes += member.size
        if self.bytes > self.most_bytes:
            raise Refusal("payload_too_large", "The archive does not fit into the container's disk limit.")
        self.clear(name)
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=self.folder)
        try:
            for piece in archive.content(member.size):
                write_all(fd, piece)
            os.fchmod(fd, member.mode & 0o777 | 0o600)
            moment = min(member.modified, LATEST)
            os.utime(fd, (moment, moment))
        finally:
            os.close(fd)

    def add_directory(self, member, name):
        fd = made_directory(self.folder, name)
        try:
            os.fchmod(fd, member.mode & 0o777 | 0o700)
        finally:
            os.close(fd)

    def add_hard_link(self, member, name):
        parts = parts_of(member, member.link)
        folder = self.open_folder(parts[:-1])
        try:
            if not parts or not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise member.refused("is a link to what is no file")
            if parts != parts_of(member, member.name):
                self.clear(name)
                os.link(parts[-1], name, src_dir_fd=folder, dst_dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            raise member.refused("is a link to a file that does not come before it") from None
        finally:
            if folder != self.root:
                os.close(folder)

    def clear(self, name):
        """The later of two members of one name counts."""
        try:
            os.unlink(name, dir_fd=self.folder)
        except FileNotFoundError:
            pass


def made_directory(folder, name):
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        # Opening it tells whether it is a directory.
        pass
    return open_directory(folder, name)


def parts_of(member, path):
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if path.startswith(b"/"):
        raise member.refused("has an absolute path")
    if b".." in parts:
        raise member.refused("has .. in its path")
    if b"\0" in path:
        raise member.refused("has a name that no file can have")
    if len(parts) > DEEPEST:
        raise member.refused(f"lies deeper than {DEEPEST} folders")
    return parts


def require_inside(member, depth):
    """A link may go up only at its beginning: behind another link nobody could tell where `..` leads.
    @param depth folders between the workspace and the link"""
    parts = [part for part in member.link.split(b"/") if part not in (b"", b".")]
    if not member.link or len(member.link) > LONGEST_LINK or b"\0" in member.link:
        raise member.refused("is a link to nothing")
    if member.link.startswith(b"/"):
        inside = parts[:1] == [b"workspace"] and b".." not in parts
    else:
        up = 0
        while up < len(parts) and parts[up] == b"..":
            up += 1
        inside = up <= depth and b".." not in parts[up:]
    if not inside:
        raise member.refused("is a link out of the workspace")
