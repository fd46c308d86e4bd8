"""Finds and ends the descendants of this process."""
from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds for stopping all processes, and again for their end.
KILL_TIMEOUT = 5.0


def descendants() -> set[int]:
    """The running descendants of this process, which is the subreaper of orphans among them."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    state, parent = stat.read().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state not in (b"Z", b"X"):
                parents[int(name)] = int(parent)
    found: set[int] = set()
    generation = {os.getpid()}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation} - found
        found |= generation
    return found


def kill_all() -> None:
    """Stops every descendant before it kills them: a stopped process cannot fork, and its pid is not reused."""
    stopped: set[int] = set()
    deadline = time.monotonic() + KILL_TIMEOUT
    while time.monotonic() < deadline:
        running = descendants() - stopped
        if not running:
            break
        send_signal(running, signal.SIGSTOP)
        stopped |= running
    send_signal(descendants(), signal.SIGKILL)


def signal_group(pid: int, number: int) -> None:
    """Signals a process group at once, so that no member can escape by forking."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        # The whole group has ended.
        pass


def send_signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
