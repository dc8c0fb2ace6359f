from __future__ import annotations
from typing import Any
from edge.routes import Protos
def document(protos: Protos) -> dict[str, Any]:
    return {}
