"""Asks a gateway for what needs no token: `python check.py http://gateway`. Run by `helm test`."""

import json
import sys
import time
import urllib.error
import urllib.request

# The door itself, then its generated document, then a public rpc: gateway, service and database.
ASKED = {"/healthz": 200, "/openapi.json": 200, "/v1/seal-keys": 200, "/v1/projects": 401}


def status(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError as error:
        return 0, str(error).encode()


def wrong(base: str) -> list[str]:
    """Return a sentence for each answer that is not as it should be."""
    said = []
    for path, expected in ASKED.items():
        code, body = status(base + path)
        print(f"{path}: {code}", flush=True)
        if code != expected:
            said.append(f"{path}: {code} instead of {expected}: {body[:200]!r}")
        elif code == 401 and not json.loads(body)["details"]:
            said.append(f"{path}: a refusal without a reason")
    return said


if __name__ == "__main__":
    until = time.monotonic() + 60
    while (found := wrong(sys.argv[1])) and time.monotonic() < until:
        time.sleep(3)
    sys.exit("\n".join(found) or 0)
