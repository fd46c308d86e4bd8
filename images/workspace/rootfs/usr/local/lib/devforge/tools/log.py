"""Lines of the container's log: the output of its main process. `devforge-log` writes the same."""
from __future__ import annotations

import os

# Bytes: a line that fits into PIPE_BUF is never mixed with another one.
MAX_LINE = 1000
OUTPUT, ERROR_OUTPUT = "/proc/1/fd/1", "/proc/1/fd/2"


def log_error(source: bytes, text: bytes) -> None:
    log_line(source, text, error=True)


def log_line(source: bytes, text: bytes, error: bool = False) -> None:
    """Writes a line, or nothing when the engine has no room for it: nobody waits for a log."""
    if not is_workspace():
        return
    line = bytes(byte if byte >= 0x20 and byte != 0x7F else 0x20 for byte in b"[" + source + b"] " + text)
    try:
        fd = os.open(ERROR_OUTPUT if error else OUTPUT, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        os.write(fd, line[:MAX_LINE] + b"\n")
    except OSError:
        pass
    finally:
        os.close(fd)


def is_workspace() -> bool:
    """Outside a workspace, where these programs are tested, the main process is somebody else's."""
    with open("/proc/1/cmdline", "rb") as command:
        return b"devforge-workspace" in command.read()
