"""Replaces or removes a file only if it is still the expected version: also a program of the workspace, which takes no lock,
may replace it at any moment. Loaded only when needed, since ctypes takes longer to load than most requests last.
"""
from __future__ import annotations

import ctypes
import errno
import os

from conditions import changed, entity_tag

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
# Errors of kernels and file systems that cannot do what the flags ask for.
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS)

libc = ctypes.CDLL(None, use_errno=True)


def replace_unchanged(folder: int, name: bytes, temporary: bytes, expected: os.stat_result) -> None:
    """Moves `temporary` to `name`, by an exchange of the two: what was at `name` is looked at before it is dropped."""
    ours = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
    try:
        rename(folder, temporary, name, RENAME_EXCHANGE)
    except FileNotFoundError:
        raise changed() from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    if is_version(folder, temporary, expected):
        os.unlink(temporary, dir_fd=folder)
        return
    rename(folder, temporary, name, RENAME_EXCHANGE)
    if not is_version(folder, temporary, ours):
        # It was replaced once more, and that version is the one to keep.
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    raise changed()


def remove_unchanged(folder: int, name: bytes, temporary: bytes, expected: os.stat_result) -> None:
    """Removes `name` after it was moved to `temporary` and looked at there."""
    try:
        os.rename(name, temporary, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        raise changed() from None
    if is_version(folder, temporary, expected):
        os.unlink(temporary, dir_fd=folder)
        return
    try:
        rename(folder, temporary, name, RENAME_NOREPLACE)
    except FileExistsError:
        # What was created there in the meantime replaces it.
        os.unlink(temporary, dir_fd=folder)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    raise changed()


def is_version(folder: int, name: bytes, expected: os.stat_result) -> bool:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return status.st_mode == expected.st_mode and entity_tag(status) == entity_tag(expected)


def rename(folder: int, source: bytes, target: bytes, flags: int) -> None:
    if libc.renameat2(folder, source, folder, target, flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
