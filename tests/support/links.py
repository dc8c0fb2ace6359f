"""Links of an instance that a test imagines."""

from __future__ import annotations

from chassis.links.ledger import Links


def alone(instance: str, *, service: str = "warning_dispatch", parent: str = "") -> Links:
    """Return the links of an instance, with a parent or without."""
    return Links(service=service, instance=instance, parent=parent, goes_up=())
