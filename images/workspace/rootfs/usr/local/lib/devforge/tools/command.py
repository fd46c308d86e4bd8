"""Starts the command of an exec request."""
from __future__ import annotations

import ctypes
import os
import signal

import egress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOT_FOUND = 127

prctl = ctypes.CDLL(None).prctl


def become_subreaper() -> None:
    """Makes this process the parent of every descendant whose own parent ends."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


class Request:
    """The payload of an `R` frame. `limit` is in bytes, for each output."""

    def __init__(self, payload: bytes):
        cwd, timeout_ms, limit, count, *rest = payload.split(b"\0")
        self.cwd = cwd
        self.seconds = int(timeout_ms) / 1000
        self.limit = int(limit)
        self.argv = rest[: int(count)]
        self.env = dict(os.environb)
        egress.add_proxies(self.env)
        for variable in rest[int(count) :]:
            name, value = variable.split(b"=", 1)
            self.env[name] = value


class StartError(Exception):
    """The command could not be started. `stage` is `fork`, `cwd` or `command`."""

    def __init__(self, stage: str, number: int):
        super().__init__(stage, number)
        self.stage = stage
        self.number = number


def start(request: Request) -> tuple[int, int, int, int]:
    """Starts the command. Returns its pid, a descriptor to write its input to, and two to read its outputs from."""
    pipes = [os.pipe() for _ in range(3)]
    errors, report = os.pipe()
    inner = (pipes[0][0], pipes[1][1], pipes[2][1])
    outer = (pipes[0][1], pipes[1][0], pipes[2][0])
    try:
        pid = os.fork()
    except OSError as error:
        raise StartError("fork", error.errno or 0) from None
    if pid == 0:
        run_in_child(request, inner, report)
    for fd in (*inner, report):
        os.close(fd)
    words = os.read(errors, 64).split()
    if words:
        os.waitpid(pid, 0)
        raise StartError(words[0].decode(), int(words[1]))
    for fd in outer:
        os.set_blocking(fd, False)
    return pid, *outer


def run_in_child(request: Request, inner: tuple[int, int, int], report: int) -> NoReturn:
    stage = "fork"
    try:
        os.setsid()
        # The command must not outlive this program, however that ends.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for target, fd in enumerate(inner):
            os.dup2(fd, target)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored, signal.SIG_DFL)
        stage = "cwd"
        os.chdir(request.cwd)
        stage = "command"
        os.execvpe(request.argv[0], request.argv, request.env)
    except OSError as error:
        os.write(report, f"{stage} {error.errno}".encode())
    finally:
        os._exit(NOT_FOUND)
