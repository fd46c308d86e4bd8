"""Starts the command that DevForge asks for."""
import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOT_FOUND = 127

prctl = ctypes.CDLL(None).prctl


def adopt_orphans():
    """Whatever loses its parent below this process becomes a child of it."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


class Request:
    def __init__(self, payload):
        cwd, timeout, limit, count, *rest = payload.split(b"\0")
        self.cwd = cwd
        self.seconds = int(timeout) / 1000
        self.limit = int(limit)
        self.argv = rest[: int(count)]
        self.env = {**os.environb, **dict(each.split(b"=", 1) for each in rest[int(count) :])}


class Unstartable(Exception):
    def __init__(self, stage, number):
        self.stage = stage
        self.number = number


def start(request):
    """The pid of the command, the far end of its input, and the near ends of its outputs."""
    pipes = [os.pipe() for _ in range(3)]
    told, tell = os.pipe()
    inner = (pipes[0][0], pipes[1][1], pipes[2][1])
    outer = (pipes[0][1], pipes[1][0], pipes[2][0])
    try:
        pid = os.fork()
    except OSError as error:
        raise Unstartable("fork", error.errno) from None
    if pid == 0:
        become(request, inner, tell)
    for fd in (*inner, tell):
        os.close(fd)
    words = os.read(told, 64).split()
    if words:
        os.waitpid(pid, 0)
        raise Unstartable(words[0].decode(), int(words[1]))
    for fd in outer:
        os.set_blocking(fd, False)
    return pid, *outer


def become(request, inner, tell):
    stage = "fork"
    try:
        os.setsid()
        # Whatever ends this program without a word, takes the command along.
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
        os.write(tell, f"{stage} {error.errno}".encode())
    finally:
        os._exit(NOT_FOUND)
