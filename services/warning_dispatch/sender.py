"""`python -m warning_dispatch.sender channels.yaml`: letters come in as JSON, outcomes go out.

A process of its own, since what sends must never hold up what warns.
"""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import apprise

from warning_dispatch.channels import Channels
from warning_dispatch.domain.telling import Letter

_AT_ONCE = 10


def main() -> None:
    channels = Channels.read(sys.argv[1])
    letters = [Letter(**each) for each in json.load(sys.stdin)]
    with ThreadPoolExecutor(_AT_ONCE) as side_by_side:
        outcomes = list(side_by_side.map(lambda each: _send(channels, each), letters))
    json.dump(outcomes, sys.stdout)


def _send(channels: Channels, letter: Letter) -> str:
    """Return what went wrong, empty when the channel took it."""
    try:
        target = apprise.Apprise()
        if not target.add(channels.url_of(letter.channel, letter.address)):
            return f"channel {letter.channel} cannot be used with this address"
        if target.notify(title=letter.title, body=letter.body):
            return ""
        return f"channel {letter.channel} did not take it"
    except Exception as error:
        # Whatever a channel does is an outcome of its own letter and of no other.
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main()
