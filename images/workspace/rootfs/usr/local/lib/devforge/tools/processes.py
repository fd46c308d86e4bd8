"""What this process started, and how it all ends."""
import os
import signal
import time

# Seconds that it may take until all are caught, and until all are gone.
PATIENCE = 5.0


def descendants():
    """What this process started, and what that started; whoever lost its parent became a child of this one."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    state, parent = stat.read().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state not in (b"Z", b"X"):
                parents[int(name)] = int(parent)
    found = set()
    grown = {os.getpid()}
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in grown} - found
        found |= grown
    return found


def kill_all():
    """Stops everything first: what is stopped cannot start anything, and holds its place against what still runs."""
    stopped = set()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        running = descendants() - stopped
        if not running:
            break
        send(running, signal.SIGSTOP)
        stopped |= running
    send(descendants(), signal.SIGKILL)


def send_to_group(pid, number):
    """In one step, which nothing in the group escapes by starting something else."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        # All of it has ended.
        pass


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
