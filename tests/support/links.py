"""Links of an instance that a test imagines."""

from __future__ import annotations

from chassis.ids import new_id
from chassis.links.ledger import Links
from support.approvals import SEAL
from warning_dispatch.usecases import Witness


def alone(instance: str, *, service: str = "warning_dispatch", parent: str = "") -> Links:
    """Return the links of an instance, with a parent or without."""
    return Links(service=service, instance=instance, parent=parent, goes_up=())


def witness(instance: str) -> Witness:
    """Return who witnesses audit chains for an instance."""
    return Witness(instance, SEAL, new_id)
