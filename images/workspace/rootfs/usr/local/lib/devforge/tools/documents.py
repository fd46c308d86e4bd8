"""The channel of those who talk in JSON documents, one in a `J` frame."""
import json

from frames import Channel


class Documents(Channel):
    def ask(self):
        return json.loads(self.receive()[1])

    def reply(self, document):
        self.send(b"J", json.dumps(document).encode())
