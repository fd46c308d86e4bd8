"""Ends every other process of the container and waits for them: the last thing that the container's main process does.

Programs get SIGTERM, and the time that they need to save what they have; the engine kills what is left at the end of its
grace period. Two kinds have to come last:
- processes that hold terminals, such as the PTY host, tmux and VS Code: closing a terminal hangs up the programs in it;
- processes that ignore SIGTERM, such as interactive shells. They get SIGHUP, which shells pass on to their jobs.
"""
from __future__ import annotations

import os
import signal
import time

# Seconds that programs have before their terminals are closed. The engine's grace period is ten seconds.
PATIENCE = 8.0
TICK = 0.02
TERMINAL_MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


class Process:
    def __init__(self, holds_terminal: bool, ignores_sigterm: bool):
        self.holds_terminal = holds_terminal
        self.ignores_sigterm = ignores_sigterm


def read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="latin1") as file:
        return file.read()


def inspect(pid: int) -> Process | None:
    """Returns None for a process that has ended."""
    try:
        state, _, _, _, terminal = read(pid, "stat").rpartition(")")[2].split()[:5]
        if state in "ZX":
            return None
        status = dict(line.split(":", 1) for line in read(pid, "status").splitlines())
        ignored = int(status["SigIgn"], 16)
        # A program in a terminal may have inherited others, which it does not serve.
        return Process(terminal == "0" and has_terminal_master(pid), bool(ignored >> (signal.SIGTERM - 1) & 1))
    except OSError:
        return None


def has_terminal_master(pid: int) -> bool:
    folder = f"/proc/{pid}/fd"
    for descriptor in os.listdir(folder):
        try:
            if os.readlink(f"{folder}/{descriptor}") in TERMINAL_MASTERS:
                return True
        except FileNotFoundError:
            continue
    return False


def others() -> dict[int, Process]:
    """Every running process but init and this one."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    found = ((pid, inspect(pid)) for pid in pids if pid not in (1, os.getpid()))
    return {pid: process for pid, process in found if process is not None}


def send(pid: int, *signals: signal.Signals) -> None:
    for number in signals:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return


def main() -> None:
    # Programs that are started from now on help others to end, and are left alone.
    asked = {pid for pid, process in others().items() if not process.holds_terminal}
    for pid in asked:
        # A suspended process gets its SIGTERM when it continues.
        send(pid, signal.SIGTERM, signal.SIGCONT)
    deadline = time.monotonic() + PATIENCE
    while any(not (process.holds_terminal or process.ignores_sigterm) for process in others().values()):
        if time.monotonic() >= deadline:
            break
        time.sleep(TICK)

    for pid, process in others().items():
        if process.ignores_sigterm:
            send(pid, signal.SIGHUP, signal.SIGCONT)
        elif pid not in asked:
            send(pid, signal.SIGTERM, signal.SIGCONT)
    while others():
        time.sleep(TICK)


if __name__ == "__main__":
    main()
