"""Runs programs of the system in a folder that is held open, whatever its name is by now."""
import os
import signal

# The container's own variables may tell these programs to behave in other ways.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


def run_in(folder, argv, files=None):
    """@param files what the program has as its input and outputs, by number; nothing where there is none
    @returns the exit code"""
    actions = []
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
