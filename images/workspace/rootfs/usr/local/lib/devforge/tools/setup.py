"""Runs the command that prepares a workspace: once, also when DevForge is restarted meanwhile and asks again.

Its output goes to the error output, for DevForge, and line by line to the log of the container.
"""
from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time

import egress
from log import log_line

WORKSPACE = "/workspace"
STATE = "/var/lib/devforge/setup"
# Bytes of output without a line end that become a line.
MAX_LINE = 8192
# Seconds that a session has to end in, and how long the output of what it left running is read.
GRACE = 5.0
DRAIN = 0.2


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "run":
        sys.exit(run(sys.argv[2]))
    if sys.argv[1:] == ["cancel"]:
        sys.exit(cancel())
    print("usage: devforge-setup run COMMAND | cancel", file=sys.stderr)
    sys.exit(2)


def run(command: str) -> int:
    os.makedirs(STATE, exist_ok=True)
    with open(f"{STATE}/lock", "w", encoding="utf8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(f"{STATE}/done"):
            return 0
        began = time.monotonic()
        log_line(b"setup", b"set-up started")
        code = run_command(command)
        seconds = int(time.monotonic() - began)
        if code == 0:
            with open(f"{STATE}/done", "w", encoding="utf8"):
                pass
            log_line(b"setup", b"set up in %d s" % seconds)
        else:
            log_line(b"setup", b"failed with exit code %d after %d s" % (code, seconds), error=True)
        return code


def run_command(command: str) -> int:
    env = dict(os.environb)
    egress.add_proxies(env)
    # A session of its own, which `cancel` ends as a whole.
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=WORKSPACE,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with open(f"{STATE}/pid", "w", encoding="utf8") as file:
        file.write(str(process.pid))
    assert process.stdout is not None
    try:
        relay(process, process.stdout.fileno())
    finally:
        os.unlink(f"{STATE}/pid")
    code = process.wait()
    return code if code >= 0 else 128 - code


def relay(process: subprocess.Popen[bytes], output: int) -> None:
    """Passes the output on until the command has ended; what it left running may keep the output open."""
    rest = b""
    while True:
        is_over = process.poll() is not None
        ready, _, _ = select.select([output], [], [], DRAIN)
        if not ready:
            if is_over:
                break
            continue
        chunk = os.read(output, 65536)
        if not chunk:
            break
        tell(chunk)
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        if len(rest) > MAX_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            if line.strip():
                log_line(b"setup", line)
    if rest.strip():
        log_line(b"setup", rest)


def tell(chunk: bytes) -> None:
    """Nobody may read it any more."""
    try:
        os.write(2, chunk)
    except OSError:
        pass


def cancel() -> int:
    try:
        with open(f"{STATE}/pid", encoding="utf8") as file:
            session = int(file.read())
    except (OSError, ValueError):
        return 0
    deadline = time.monotonic() + GRACE
    try:
        os.killpg(session, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(session, 0)
            time.sleep(0.1)
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return 0
