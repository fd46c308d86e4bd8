"""A channel that carries JSON documents, each in a `J` frame."""
from __future__ import annotations

import json

from frames import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class JsonChannel(Channel):
    def receive_json(self) -> dict[str, Any]:
        return json.loads(self.receive()[1])

    def send_json(self, document: dict[str, Any]) -> None:
        self.send(b"J", json.dumps(document).encode())
