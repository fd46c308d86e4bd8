"""Runs Claude Code, unmodified, with the operator's credential.

The credential is in no environment but Claude Code's own: DevForge gives it to devforge-agents, which keeps it in memory
(/dev/shm). An environment with any credential, even an empty one, is left as it is.

In a terminal, Claude Code asks a new user for a theme, for trust in the folder, and whether to use the key. What DevForge
set up is answered here; answers that are there stay.
"""
from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLAUDE = "/usr/local/lib/devforge/agent/claude"
CREDENTIAL = "/dev/shm/devforge-agent.env"
API_KEY = "ANTHROPIC_API_KEY"
CREDENTIAL_NAMES = ("ANTHROPIC_AUTH_TOKEN", API_KEY, "CLAUDE_CODE_OAUTH_TOKEN")
# Set where the operator has a credential for this container, which arrives a moment after the start.
EXPECTED = "DEVFORGE_AGENT_CREDENTIAL"
# Seconds.
MAX_WAIT = 5.0
# How much of a key Claude Code notes with the answer.
NOTED_CHARACTERS = 20
WORKSPACE = "/workspace"
# With settings of its own a repository can run commands and redirect the credential, so the user is asked to trust it.
REPOSITORY_SETTINGS = (".claude/settings.json", ".claude/settings.local.json")


def read_credential(deadline: float) -> tuple[str, str] | None:
    while True:
        try:
            with open(CREDENTIAL, encoding="utf8") as file:
                name, _, value = file.read().rstrip("\n").partition("=")
            return (name, value) if name in CREDENTIAL_NAMES else None
        except OSError:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.02)


def container_key() -> str | None:
    """The API key in the container's own environment, as it was given on creation."""
    with open("/proc/1/environ", encoding="utf8", errors="replace") as file:
        entries = file.read().split("\0")
    prefix = f"{API_KEY}="
    return next((entry.removeprefix(prefix) for entry in entries if entry.startswith(prefix)), None)


def answer_questions(config: Any, key: str | None, has_credential: bool) -> None:
    # Onboarding ends with a login, which is needed only without a credential.
    if has_credential:
        config.setdefault("hasCompletedOnboarding", True)
    if key:
        answers = config.setdefault("customApiKeyResponses", {})
        approved = answers.setdefault("approved", [])
        if key[-NOTED_CHARACTERS:] not in approved + answers.get("rejected", []):
            approved.append(key[-NOTED_CHARACTERS:])
    if not any(os.path.lexists(f"{WORKSPACE}/{name}") for name in REPOSITORY_SETTINGS):
        # Claude Code notes False for a folder that nobody has been asked about.
        config.setdefault("projects", {}).setdefault(WORKSPACE, {})["hasTrustDialogAccepted"] = True


def seed(path: str, key: str | None, has_credential: bool) -> None:
    import json

    try:
        with open(path, encoding="utf8") as file:
            config = json.load(file)
    except FileNotFoundError:
        config = {}
    before = json.dumps(config)
    answer_questions(config, key, has_credential)
    if json.dumps(config) == before:
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    draft = f"{path}.{os.getpid()}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf8") as file:
        json.dump(config, file, indent=2)
    os.replace(draft, path)


def main() -> None:
    env = dict(os.environ)
    key = None
    if not any(name in env for name in CREDENTIAL_NAMES):
        credential = read_credential(time.monotonic() + (MAX_WAIT if EXPECTED in env else 0))
        if credential is not None:
            env[credential[0]] = credential[1]
            key = env.get(API_KEY)
    if os.isatty(0):
        folder = env.get("CLAUDE_CONFIG_DIR") or env.get("HOME", "/home/dev")
        try:
            seed(f"{folder}/.claude.json", key or container_key(), any(env.get(name) for name in CREDENTIAL_NAMES))
        except (OSError, ValueError, TypeError, AttributeError):
            # Claude Code itself reports a configuration that it cannot read, and asks what is not answered.
            pass
    os.execve(CLAUDE, ["claude", *sys.argv[1:]], env)
