"""Symbolic links in an archive: relative ones must not lead out of the workspace.

An absolute link is kept as it is. It means the same wherever the archive is unpacked, as in a virtual environment of Python,
and no link is followed out of the workspace when its files are read or written.
"""
from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from archive import Member

MAX_BYTES = 4000


def require_inside(member: Member, depth: int) -> bool:
    """Follows the link by its text. `depth` is that of the directory it is in. Returns whether it has `..` after a name."""
    if not member.link or len(member.link) > MAX_BYTES or b"\0" in member.link:
        raise member.error("is a symbolic link without a valid target")
    if member.link.startswith(b"/"):
        return False
    has_name = has_detour = False
    for part in components(member.link):
        if part == b"..":
            depth -= 1
            has_detour |= has_name
        else:
            depth += 1
            has_name = True
        if depth < 0:
            raise member.error("is a symbolic link that leads outside the workspace")
    return has_detour


def require_no_link_before_parent(member: Member, folder: list[bytes], root: int) -> None:
    """A `..` behind another link leads elsewhere than the text says. `folder` is the directory of the link, below `root`."""
    path = list(folder)
    parts = components(member.link)
    while parts[-1] != b"..":
        parts.pop()
    for part in parts:
        if part != b"..":
            path.append(part)
            if is_link(path, root):
                raise member.error("is a symbolic link with .. behind another link")
        elif path:
            path.pop()
        else:
            # From here on it is about the workspace that the archive is unpacked into.
            return


def is_link(path: list[bytes], root: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(b"/".join(path), dir_fd=root, follow_symlinks=False).st_mode)
    except OSError:
        return False


def components(path: bytes) -> list[bytes]:
    return [part for part in path.split(b"/") if part not in (b"", b".")]
