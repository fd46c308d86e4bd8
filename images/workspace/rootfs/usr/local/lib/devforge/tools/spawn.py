"""Runs system programs in a directory that is given by its descriptor, so that renaming it does no harm."""
from __future__ import annotations

import os
import signal

# The container's own variables could change how these programs behave.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/opt/devforge/bin", "LC_ALL": "C"}


def run_in(folder: int, argv: list[bytes | str], files: dict[int, int] | None = None) -> int:
    """Returns the exit code. `files` maps the program's descriptors 0 to 2 to open ones; the others are /dev/null."""
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int]] = []
    for number in (0, 1, 2):
        if files is not None and number in files:
            actions.append((os.POSIX_SPAWN_DUP2, files[number], number))
        else:
            actions.append((os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0))
    os.fchdir(folder)
    try:
        pid = os.posix_spawnp(argv[0], argv, ENVIRONMENT, file_actions=actions, setsigdef=[signal.SIGPIPE])
    finally:
        os.chdir("/")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
