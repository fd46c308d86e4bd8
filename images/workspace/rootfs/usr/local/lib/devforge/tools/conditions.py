"""The preconditions under which a client wants a request to be carried out (RFC 9110, section 13), and the lock under which
they are checked.

DevForge sends them as { match, noneMatch, unmodifiedSince }, each optional: `"*"` or a list of entity tags, and seconds.
"""
from __future__ import annotations

import fcntl
import os
import stat

from errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NANOSECONDS = 1_000_000_000


class Conditions:
    def __init__(self, request: dict[str, Any]):
        conditions: dict[str, Any] = request.get("conditions") or {}
        self.match: str | list[str] | None = conditions.get("match")
        self.none_match: str | list[str] | None = conditions.get("noneMatch")
        self.unmodified_since: int | None = conditions.get("unmodifiedSince")
        self.exist = bool(conditions)

    def require(self, status: os.stat_result | None) -> None:
        """Fails unless what exists at the path, None for nothing, meets the conditions."""
        if self.match is not None and not matches(self.match, status):
            raise failed("If-Match", "It does not exist." if status is None else "It is another version.")
        if self.none_match is not None and matches(self.none_match, status):
            raise failed("If-None-Match", "It exists already." if self.none_match == "*" else "It is that version.")
        if self.unmodified_since is not None and status is not None:
            if status.st_mtime_ns // NANOSECONDS > self.unmodified_since:
                raise failed("If-Unmodified-Since", "It was modified later.")


def matches(wanted: str | list[str], status: os.stat_result | None) -> bool:
    """Only regular files have an entity tag."""
    if status is None:
        return False
    return wanted == "*" or (stat.S_ISREG(status.st_mode) and entity_tag(status) in wanted)


def entity_tag(status: os.stat_result) -> str:
    return f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"'


def failed(header: str, reason: str) -> RequestError:
    return RequestError("precondition_failed", f"{header} does not hold. {reason}")


def changed() -> RequestError:
    return RequestError("precondition_failed", "It was changed at the same time.")


class ChangeLock:
    """Held while conditions are checked and the change is made, so that no other helper of the container comes between."""

    def __enter__(self) -> None:
        # The file of this program serves as the lock: nothing has to be created, and nothing else would lock it.
        self.fd = os.open(__file__, os.O_RDONLY)
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        os.close(self.fd)
