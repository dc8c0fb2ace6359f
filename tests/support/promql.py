"""Which metrics an expression of PromQL asks for."""

from __future__ import annotations

import re

_KEYWORDS = {
    *("by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless"),
    *("bool", "offset", "inf", "nan", "start", "end"),
}
_GROUPING = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"


def metrics_in(expr: str) -> set[str]:
    """Return the names that are neither functions, keywords nor labels."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expr)
    bare = re.sub(_GROUPING, " ", re.sub(r"\{[^}]*\}", " ", re.sub(r"\[[^\]]*\]", " ", bare)))
    found = re.finditer(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=(\s*\()?)", bare)
    return {m[0] for m in found if not m[1] and m[0].lower() not in _KEYWORDS}
