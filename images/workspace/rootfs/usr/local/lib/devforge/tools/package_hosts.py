"""Prints the hosts from which the package managers of this image load, as JSON: [{"host": "...", "ports": [443]}, ...].

They are read from the package managers themselves: their configuration, and the defaults that they come with.
"""
from __future__ import annotations

import glob
import json
import re
import subprocess
from urllib.parse import urlsplit

URL = re.compile(r"https?://[^\s\"'<>\]]+")
PORTS = {"http": 80, "https": 443}


def output(*argv: str) -> str:
    """Of a command; nothing when it is not there, or fails."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def npm() -> str:
    return output("npm", "config", "get", "registry")


def pip() -> str:
    program = (
        "from pip._internal.models.index import PyPI\n"
        "print(PyPI.simple_url, f'https://{PyPI.file_storage_domain}/')\n"
    )
    return output("python3", "-c", program) + output("pip", "config", "list")


def apt() -> str:
    files = ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*")]
    text = ""
    for name in files:
        try:
            with open(name, encoding="utf8", errors="replace") as file:
                text += "".join(line for line in file if not line.lstrip().startswith("#"))
        except OSError:
            continue
    return text


def others() -> str:
    return output("go", "env", "GOPROXY", "GOSUMDB") + output("cargo", "config", "get", "registries")


def rules(text: str) -> list[dict[str, object]]:
    ports: dict[str, set[int]] = {}
    for match in URL.finditer(text):
        try:
            parts = urlsplit(str(match.group()))
            if parts.hostname is not None:
                ports.setdefault(parts.hostname, set()).add(parts.port or PORTS[parts.scheme])
        except ValueError:
            continue
    return [{"host": host, "ports": sorted(found)} for host, found in sorted(ports.items())]


print(json.dumps(rules(" ".join((npm(), pip(), apt(), others())))))
