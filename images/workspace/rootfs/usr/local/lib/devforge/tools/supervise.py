"""Runs one command and relays its input and outputs. Ends it, with all processes it started, on its time limit or when
DevForge disconnects.

In:   R  working directory, time limit in ms, output limit in bytes, number of arguments, arguments, NAME=value…,
         separated by NUL
      D  input; E  end of the input
Out:  o, e  standard output and standard error, each up to the limit
      x  exit code, 1 if it timed out, 1 if output was truncated, duration in ms, 1 if it failed and a process of the container
         was killed for memory meanwhile (0 if not, -1 if that cannot be seen)
      f  `cwd` or `command`, and why the command cannot be run
"""
from __future__ import annotations

import errno
import os
import select
import signal
import sys
import time

from command import NOT_FOUND, Request, StartError, become_subreaper, start
from frames import CHUNK, Channel, Disconnected, FrameReader
from log import log_error
from memory import oom_kills
from processes import KILL_TIMEOUT, descendants, kill_all, send_signal, signal_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

TIMED_OUT = 124
NOT_EXECUTABLE = 126
# Seconds between SIGTERM and SIGKILL.
GRACE = 1.0
# Seconds for which outputs are read after the command has ended: background processes may keep them open.
DRAIN = 0.1
# Bytes that are buffered for a slow reader, in either direction.
MAX_BUFFERED = 1 << 20


class Run:
    def __init__(self, request: Request):
        self.oom_kills = oom_kills()
        self.input: int | None
        self.pid, self.input, *outputs = start(request)
        self.started = time.monotonic()
        self.deadline = self.started + request.seconds
        self.outputs = dict(zip(outputs, (b"o", b"e")))
        # Bytes that each output may still have.
        self.remaining = {fd: request.limit for fd in outputs}
        # As of `waitpid`, once the command has ended.
        self.status: int | None = None
        self.timed_out = False
        self.truncated = False
        # Input: as it arrives in frames, and as it goes to the command.
        self.frames = FrameReader()
        self.pending_input = bytearray()
        self.input_ended = False
        # Frames for DevForge.
        self.pending_output = bytearray()
        self.wakeup, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, ignore_signal)
        signal.set_wakeup_fd(wake)
        self.reap()

    def relay(self) -> None:
        """Returns when the command has ended and its outputs have been sent."""
        while not self.is_finished():
            self.poll_once(self.deadline)
            if self.status is None and time.monotonic() >= self.deadline:
                self.timed_out = True
                self.end()
        for fd in list(self.outputs):
            self.read_output(fd)
        self.flush()

    def is_finished(self) -> bool:
        return self.status is not None and (not self.outputs or time.monotonic() >= self.deadline)

    def poll_once(self, until: float) -> None:
        """Waits for an event, or until a time of the monotonic clock, and handles it."""
        poll = select.poll()
        poll.register(0, select.POLLIN if len(self.frames) + len(self.pending_input) < MAX_BUFFERED else 0)
        poll.register(self.wakeup, select.POLLIN)
        if self.pending_output:
            poll.register(1, select.POLLOUT)
        if self.pending_input and self.input is not None:
            poll.register(self.input, select.POLLOUT)
        for fd in self.outputs:
            if len(self.pending_output) < MAX_BUFFERED:
                poll.register(fd, select.POLLIN)
        for fd, event in poll.poll(max(0, until - time.monotonic()) * 1000):
            if fd == 0:
                self.read_input(event)
            elif fd == 1:
                self.send_pending()
            elif fd == self.input:
                self.write_input()
            elif fd == self.wakeup:
                os.read(self.wakeup, 64)
                self.reap()
            elif fd in self.outputs:
                self.read_output(fd)

    def read_input(self, event: int) -> None:
        piece = os.read(0, CHUNK) if event & select.POLLIN else b""
        if not piece:
            raise Disconnected
        self.parse_input(piece)

    def parse_input(self, piece: bytes) -> None:
        """Takes the input for the command out of its frames."""
        for kind, payload in self.frames.push(piece):
            if kind == b"E":
                self.input_ended = True
            elif self.input is not None:
                self.pending_input += payload
        self.write_input()

    def write_input(self) -> None:
        if self.input is None:
            return
        try:
            while self.pending_input:
                del self.pending_input[: os.write(self.input, self.pending_input[:CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.pending_input.clear()
            self.input_ended = True
        if self.input_ended:
            os.close(self.input)
            self.input = None

    def read_output(self, fd: int) -> None:
        try:
            piece = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        if not piece:
            os.close(fd)
            del self.outputs[fd]
            return
        kept = piece[: self.remaining[fd]]
        self.remaining[fd] -= len(kept)
        self.truncated |= len(kept) < len(piece)
        if kept:
            self.pending_output += self.outputs[fd] + len(kept).to_bytes(4, "big") + kept

    def send_pending(self) -> None:
        try:
            while self.pending_output:
                del self.pending_output[: os.write(1, self.pending_output[:CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise Disconnected from None

    def flush(self) -> None:
        while self.pending_output:
            self.poll_once(time.monotonic() + 60)

    def reap(self) -> None:
        """Collects ended children: the command, and its descendants whose parents have ended."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self.pid:
                    self.status = status
                    self.deadline = min(self.deadline, time.monotonic() + DRAIN)
        except ChildProcessError:
            return

    def end(self) -> None:
        """Ends the command and all its descendants, also those in sessions of their own."""
        signal_group(self.pid, signal.SIGTERM)
        send_signal(descendants(), signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until and descendants():
            self.relay_until(min(until, time.monotonic() + 0.05))
        signal_group(self.pid, signal.SIGKILL)
        until = time.monotonic() + KILL_TIMEOUT
        while time.monotonic() < until and descendants():
            kill_all()
            self.relay_until(time.monotonic() + 0.01)
        self.deadline = time.monotonic()

    def relay_until(self, until: float) -> None:
        try:
            self.poll_once(until)
        except Disconnected:
            time.sleep(max(0, until - time.monotonic()))
            self.reap()

    @property
    def exit_code(self) -> int:
        if self.timed_out or self.status is None:
            return TIMED_OUT
        return os.waitstatus_to_exitcode(self.status) if os.WIFEXITED(self.status) else 128 + os.WTERMSIG(self.status)

    @property
    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self.started) * 1000)

    def outcome(self) -> bytes:
        """The payload of the `x` frame."""
        fields = (self.exit_code, int(self.timed_out), int(self.truncated), self.elapsed_ms, self.oom_killed())
        return " ".join(map(str, fields)).encode()

    def oom_killed(self) -> int:
        kills = oom_kills()
        if kills is None or self.oom_kills is None:
            return -1
        return int(self.exit_code != 0 and kills > self.oom_kills)

    def log_failure(self, program: bytes) -> None:
        if self.exit_code == 0:
            return
        how = "reached its time limit" if self.timed_out else f"ended with exit code {self.exit_code}"
        log_error(b"exec", program + f" {how} after {self.elapsed_ms / 1000:.1f} s".encode())


def ignore_signal(number: int, frame: FrameType | None) -> None:
    """A handler, unlike SIG_IGN, lets the wakeup descriptor report the signal."""


def program_of(request: Request) -> bytes:
    """What a log may show of a command: its arguments may hold secrets."""
    return os.path.basename(request.argv[0])[:100]


def report_start_error(channel: Channel, request: Request, failure: StartError) -> None:
    """Answers as a shell does when it cannot run a command. Errors of the request itself have a frame of their own."""
    reason = os.strerror(failure.number)
    where = b" in " + request.cwd[:200] if failure.stage == "cwd" else b""
    log_error(b"exec", program_of(request) + b" could not be started" + where + b": " + reason.encode())
    if failure.stage == "cwd" or failure.number == errno.E2BIG:
        channel.send(b"f", f"{failure.stage} {reason}".encode())
        return
    missing = failure.number in (errno.ENOENT, errno.ENOTDIR)
    channel.send(b"e", request.argv[0][:256] + b": " + (b"command not found" if missing else reason.encode()) + b"\n")
    channel.send(b"x", f"{NOT_FOUND if missing else NOT_EXECUTABLE} 0 0 0 0".encode())


def main() -> None:
    become_subreaper()
    channel = Channel()
    try:
        request = Request(channel.receive()[1])
        try:
            run = Run(request)
        except StartError as failure:
            report_start_error(channel, request, failure)
            return
        try:
            run.parse_input(channel.pending)
            run.relay()
            channel.send(b"x", run.outcome())
            run.log_failure(program_of(request))
        except Disconnected:
            run.end()
            raise
    except Disconnected:
        sys.exit(1)
