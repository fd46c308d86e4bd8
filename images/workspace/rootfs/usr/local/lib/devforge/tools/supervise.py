"""Runs one command, passes its input and outputs on, and ends all that it started when its time is up or nobody waits.

In:   R  folder, time limit in ms, output limit in bytes, number of arguments, arguments, NAME=value…; NUL between them
      D  input; E  its end
Out:  o, e  what the command wrote to its output and its error output, each up to the limit
      x  exit code, 1 if the time was up, 1 if output was left out, duration in ms
      f  `cwd` or `command`, and why the command cannot be run like that
"""
import errno
import os
import select
import signal
import sys
import time

from command import NOT_FOUND, Request, Unstartable, adopt_orphans, start
from frames import CHUNK, Channel, Gone, HEADER
from processes import PATIENCE, descendants, kill_all, send, send_to_group

TIMED_OUT = 124
NOT_EXECUTABLE = 126
# Seconds between the polite signal and the other one.
GRACE = 1.0
# Seconds that outputs are followed after the command, since what it left in the background may hold them open.
LINGER = 0.1
# Bytes that wait for a slow reader, in either direction.
BACKLOG = 1 << 20


class Run:
    def __init__(self, request):
        self.pid, self.input, *outputs = start(request)
        self.started = time.monotonic()
        self.deadline = self.started + request.seconds
        self.outputs = dict(zip(outputs, (b"o", b"e")))
        self.left = {fd: request.limit for fd in outputs}
        self.status = None
        self.timed_out = False
        self.truncated = False
        self.given = bytearray()
        self.received = bytearray()
        self.all_given = False
        self.result = bytearray()
        self.woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        self.reap()

    def follow(self):
        """Until the command has ended and its outputs are passed on."""
        while not self.is_over():
            self.turn(self.deadline)
            if self.status is None and time.monotonic() >= self.deadline:
                self.timed_out = True
                self.end()
        for fd in list(self.outputs):
            self.take(fd)
        self.flush()

    def is_over(self):
        return self.status is not None and (not self.outputs or time.monotonic() >= self.deadline)

    def turn(self, until):
        """Waits for something to do, and does it."""
        poll = select.poll()
        poll.register(0, select.POLLIN if len(self.received) + len(self.given) < BACKLOG else 0)
        poll.register(self.woken, select.POLLIN)
        if self.result:
            poll.register(1, select.POLLOUT)
        if self.given:
            poll.register(self.input, select.POLLOUT)
        for fd in self.outputs:
            if len(self.result) < BACKLOG:
                poll.register(fd, select.POLLIN)
        for fd, event in poll.poll(max(0, until - time.monotonic()) * 1000):
            if fd == 0:
                self.listen(event)
            elif fd == 1:
                self.pass_on()
            elif fd == self.input:
                self.give()
            elif fd == self.woken:
                os.read(self.woken, 64)
                self.reap()
            elif fd in self.outputs:
                self.take(fd)

    def listen(self, event):
        piece = os.read(0, CHUNK) if event & select.POLLIN else b""
        if not piece:
            raise Gone
        self.accept(piece)

    def accept(self, piece):
        """Takes the pieces of input out of their frames."""
        self.received += piece
        while len(self.received) >= HEADER:
            end = HEADER + int.from_bytes(self.received[1:HEADER], "big")
            if self.received[:1] == b"E":
                self.all_given = True
            elif len(self.received) < end:
                break
            elif self.input is not None:
                self.given += self.received[HEADER:end]
            del self.received[:end]
        self.give()

    def give(self):
        if self.input is None:
            return
        try:
            while self.given:
                del self.given[: os.write(self.input, self.given[:CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.given.clear()
            self.all_given = True
        if self.all_given:
            os.close(self.input)
            self.input = None

    def take(self, fd):
        try:
            piece = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if not piece:
            os.close(fd)
            del self.outputs[fd]
            return
        kept = piece[: self.left[fd]]
        self.left[fd] -= len(kept)
        self.truncated |= len(kept) < len(piece)
        if kept:
            self.result += self.outputs[fd] + len(kept).to_bytes(4, "big") + kept

    def pass_on(self):
        try:
            while self.result:
                del self.result[: os.write(1, self.result[:CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise Gone from None

    def flush(self):
        while self.result:
            self.turn(time.monotonic() + 60)

    def reap(self):
        """Takes note of what has ended; orphans of the command come here as well."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.pid:
                    self.status = status
                    self.deadline = min(self.deadline, time.monotonic() + LINGER)
        except ChildProcessError:
            return

    def end(self):
        """Ends the command with all that it started and that still runs, whatever session that has moved to."""
        send_to_group(self.pid, signal.SIGTERM)
        send(descendants(), signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until and descendants():
            self.linger(min(until, time.monotonic() + 0.05))
        send_to_group(self.pid, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and descendants():
            kill_all()
            self.linger(time.monotonic() + 0.01)
        self.deadline = time.monotonic()

    def linger(self, until):
        try:
            self.turn(until)
        except Gone:
            # Nobody is there any more to pass anything on to.
            time.sleep(max(0, until - time.monotonic()))
            self.reap()

    def outcome(self):
        if self.timed_out:
            code = TIMED_OUT
        elif os.WIFSIGNALED(self.status):
            code = 128 + os.WTERMSIG(self.status)
        else:
            code = os.WEXITSTATUS(self.status)
        elapsed = round((time.monotonic() - self.started) * 1000)
        return f"{code} {int(self.timed_out)} {int(self.truncated)} {elapsed}".encode()


def explain(channel, request, failure):
    """What a shell would answer when it cannot run the command; a fault of the request is told as such."""
    reason = os.strerror(failure.number)
    if failure.stage == "cwd" or failure.number == errno.E2BIG:
        channel.send(b"f", f"{failure.stage} {reason}".encode())
        return
    missing = failure.number in (errno.ENOENT, errno.ENOTDIR)
    channel.send(b"e", request.argv[0][:256] + b": " + (b"command not found" if missing else reason.encode()) + b"\n")
    channel.send(b"x", f"{NOT_FOUND if missing else NOT_EXECUTABLE} 0 0 0".encode())


def main():
    adopt_orphans()
    channel = Channel()
    try:
        request = Request(channel.receive()[1])
        try:
            run = Run(request)
        except Unstartable as failure:
            explain(channel, request, failure)
            return
        try:
            run.accept(channel.pending)
            run.follow()
            channel.send(b"x", run.outcome())
        except Gone:
            run.end()
            raise
    except Gone:
        sys.exit(1)
