"""httpx, with HTTP/2 offered."""
import sys

import httpx

url, token, container = sys.argv[1:]
with httpx.Client(http2=True, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
    requests = [
        ("GET", "/health/live", None),
        ("GET", "/api/info", None),
        ("POST", f"{container}/exec", {"json": {"command": ["cat"], "stdin": "x" * 100_000}}),
        ("PUT", f"{container}/files?path=python", {"content": b"y" * 3_000_000}),
        ("PUT", f"{container}/files?path=chunked", {"content": iter([b"y" * 1_500_000] * 2)}),
        ("GET", f"{container}/files?path=python", None),
    ]
    for method, path, body in requests:
        response = client.request(method, url + path, **(body or {}))
        print(response.status_code, response.http_version, len(response.content))
