"""Copies the files of a workspace to a snapshot and back, in a container that mounts the volumes of both.

  snapshot.py save FROM TO     Copies while the files change, and prints `copied`. Once it is sent a line, nothing changes any more:
                               copies what has changed since it began, prints `finished`, and at the end {"bytes": N}.
  snapshot.py restore FROM TO  Replaces what is there, and prints {"system": whether files of the system are in it}.

FROM and TO are folders with the volumes as `workspace`, `home` and `state`; a snapshot is one volume with all of them, and with
`system`. Where the file system can share blocks between files, the copies share those of the originals.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time

COPY = ["cp", "-a", "--reflink=auto"]
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}
# Of the state, what a copy goes on with: the sessions of Claude Code, and the hosts that Git knows. The rest is of processes
# and instructions that run elsewhere.
PARTS = ["workspace", "home", "state/claude", "state/known_hosts"]
SYSTEM = "system"
# The time of a file may be that of the last tick of the kernel's clock.
SLACK_SECONDS = 1.0
FILES_AT_ONCE = 500
# What `cp` says of files that are removed or replaced meanwhile.
CHANGING = re.compile(r"No such file or directory$|as it was replaced while being copied$")


def is_folder(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def remove(path: str) -> None:
    if not os.path.lexists(path):
        return
    if is_folder(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def copy(source: str, target: str, changing: bool = False) -> None:
    """Copies a file or a folder, with owners, modes and times."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    copied = subprocess.run([*COPY, "-T", "--", source, target], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, check=False)
    if copied.returncode == 0:
        return
    unexpected = [line for line in copied.stderr.splitlines() if not CHANGING.search(line)]
    if not changing or unexpected:
        raise OSError("\n".join(unexpected or copied.stderr.splitlines())[-2000:])


def copy_files(source: str, target: str, paths: list[str]) -> None:
    for path in paths:
        remove(os.path.join(target, path))
    for start in range(0, len(paths), FILES_AT_ONCE):
        names = paths[start : start + FILES_AT_ONCE]
        subprocess.run([*COPY, "--parents", "-t", target, "--", *names], cwd=source, env=ENVIRONMENT, check=True)


def merge(source: str, target: str) -> None:
    """Gives a folder the entries of another one; what both have is compared elsewhere."""
    if not os.path.lexists(target) or not is_folder(target):
        remove(target)
        copy(source, target)
        return
    wanted, present = set(os.listdir(source)), set(os.listdir(target))
    for name in present - wanted:
        remove(os.path.join(target, name))
    for name in wanted - present:
        copy(os.path.join(source, name), os.path.join(target, name))


def stamp(source: str, target: str) -> None:
    found = os.lstat(source)
    os.chown(target, found.st_uid, found.st_gid)
    os.chmod(target, stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def update(source: str, target: str, since: float) -> None:
    """Copies what was changed since then: every change of a file changes a time of it that no program can set."""
    if not os.path.lexists(source):
        remove(target)
        return
    if not is_folder(source) or not os.path.lexists(target) or not is_folder(target):
        remove(target)
        copy(source, target)
        return
    find = ["find", ".", "-newerct", f"@{since:.3f}", "-printf", "%y%p\\0"]
    found = subprocess.run(find, cwd=source, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True).stdout
    entries = [os.fsdecode(entry) for entry in found.split(b"\0") if entry]
    folders = [entry[1:] for entry in entries if entry[0] == "d"]
    for folder in folders:
        merge(os.path.join(source, folder), os.path.join(target, folder))
    copy_files(source, target, [entry[1:] for entry in entries if entry[0] != "d"])
    for folder in reversed(folders):
        stamp(os.path.join(source, folder), os.path.join(target, folder))


def size(folder: str) -> int:
    du = subprocess.run(["du", "-s", "--block-size=1", folder], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return int(du.stdout.split()[0])


def save(origin: str, snapshot: str) -> None:
    since = time.time() - SLACK_SECONDS
    for name in os.listdir(snapshot):
        remove(os.path.join(snapshot, name))
    for folder in ["state", SYSTEM]:
        os.makedirs(os.path.join(snapshot, folder))
    for part in PARTS:
        if os.path.lexists(os.path.join(origin, part)):
            copy(os.path.join(origin, part), os.path.join(snapshot, part), changing=True)
    print("copied", flush=True)
    if not sys.stdin.readline():
        raise EOFError("nobody waits for the snapshot any more")
    for part in PARTS:
        update(os.path.join(origin, part), os.path.join(snapshot, part), since)
    print("finished", flush=True)
    sys.stdin.readline()
    print(json.dumps({"bytes": size(snapshot)}), flush=True)


def restore(snapshot: str, target: str) -> None:
    for name in ["workspace", "home", "state"]:
        volume = os.path.join(target, name)
        for entry in os.listdir(volume):
            remove(os.path.join(volume, entry))
    for part in PARTS:
        if os.path.lexists(os.path.join(snapshot, part)):
            copy(os.path.join(snapshot, part), os.path.join(target, part))
    print(json.dumps({"system": bool(os.listdir(os.path.join(snapshot, SYSTEM)))}))


if __name__ == "__main__":
    verb, origin, destination = sys.argv[1:]
    {"save": save, "restore": restore}[verb](origin, destination)
