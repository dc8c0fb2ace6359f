"""rules in CEL: catalogues kept so far have theirs as Python booleans"""

import json
import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_WORDS = {"and": "&&", "or": "||", "True": "true", "False": "false"}
_TOKEN = re.compile(r"'[^']*'|\bnot\s+(?=\w)|[A-Za-z_]\w*|\d+(?:\.\d+)?")


def upgrade() -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.text("select version, content, themes from catalogues")):
        for item in row.content["items"]:
            item["applicability"]["expr"] = _in_cel(item["applicability"]["expr"])
            for variant in item.get("limit_variants", ()):
                variant["expr"] = _in_cel(variant["expr"])
        for theme in row.themes:
            if "applies_expr" in theme:
                theme["applies_expr"] = _in_cel(theme["applies_expr"])
        connection.execute(
            sa.text(
                "update catalogues set content = cast(:content as jsonb),"
                " themes = cast(:themes as jsonb) where version = :version"
            ),
            {
                "version": row.version,
                "content": json.dumps(row.content, ensure_ascii=False),
                "themes": json.dumps(row.themes, ensure_ascii=False),
            },
        )


def downgrade() -> None:
    raise NotImplementedError("what was written in CEL stays")


def _in_cel(rule: str) -> str:
    def convert(match: re.Match[str]) -> str:
        token = match.group()
        if token.startswith("not"):
            return "!" if token.strip() == "not" else token
        if token[0].isdigit():
            return repr(float(token))
        return _WORDS.get(token, token)

    return _TOKEN.sub(convert, rule)
