"""Errors that a helper reports to DevForge."""
from __future__ import annotations


class RequestError(Exception):
    """A request that cannot be carried out. `code` is one of DevForge's error codes."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message
