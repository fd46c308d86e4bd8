"""Processes of the container that the kernel killed because the memory limit was reached."""
from __future__ import annotations

# Of cgroup v2 and v1, each with a line `oom_kill N`.
COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def oom_kills() -> int | None:
    """How many there have been, or None where the container cannot see its own cgroup."""
    for path in COUNTERS:
        try:
            with open(path, encoding="ascii") as lines:
                for line in lines:
                    name, _, value = line.partition(" ")
                    if name == "oom_kill":
                        return int(value)
        except OSError:
            continue
    return None
