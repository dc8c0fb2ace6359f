"""The electronic material library 电子材料库: a paper is handed in once and serves wherever it is asked for.

What is on file must not be asked for again (国务院关于在线政务服务的若干规定 第七条; 优化营商环境条例
第三十五条至第三十七条). Electronic signatures, seals and licences are worth as much as paper
(同规定 第八条至第十条).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from approval_tracking.domain.guidance import is_form, paper_key
from approval_tracking.domain.material_errors import MaterialNotInForce, PaperOnFile
from chassis.calendar import months_later
from chassis.events import instant

COMPANY, WINDOW, AGENT, LICENCE = "company", "window", "agent", "licence"
IN_FORCE, EXPIRED, REPLACED = "in_force", "expired", "replaced"
WITHDRAWN, VOID = "withdrawn", "void"
STANDINGS = {
    EXPIRED: ("已过有效期", "has expired"),
    REPLACED: ("已有新版本", "was replaced by a newer version"),
    WITHDRAWN: ("已撤回", "was withdrawn"),
    VOID: ("已失效", "is void"),
}
ON_FILE_BASIS = "国务院关于在线政务服务的若干规定 第七条; 优化营商环境条例 第三十五条至第三十七条"
MOST_BYTES = 10 * 1024 * 1024

# What surrounds the name of a paper in a sentence that does no more than ask for it.
_ASKING = re.compile(
    r"请|须|需|应|重新|另行|再次|补充|补交|补正|补|提交|提供|出具|上传|递交|交|报送|附|缺少|缺|未提供|未提交|未见|未附|"
    r"企业|公司|项目|贵司|本|的|复印件|原件|扫描件|电子版|纸质|正本|副本|材料|[一二两1-9]份|加盖公章|\s|[。.!!:：;；]"
)
_BETWEEN = re.compile(r"[、,,;；/]|和|及|以及|与")
_BUILDING_PERMIT, _MONTHS_TO_START = "施工许可证", 3
_TERM = re.compile(r"[((](?:有效期)?(\d{1,2})年[))]")


@dataclass(frozen=True)
class Signature:
    """An electronic signature or seal: the exact text that was signed, and the signature over it."""

    statement: str
    signed_by: str
    on_behalf_of: str
    signed_at: datetime
    key_id: str
    signature: str


@dataclass
class Material:
    """One version of a paper of a company."""

    id: UUID
    title: str
    source: str
    uscc: str
    project_id: UUID
    company_wide: bool
    file_name: str
    media_type: str
    size: int
    sha256: str
    valid_until: date | None
    put_in_by: str
    put_in_at: datetime
    version: int = 1
    # number, issuer, case_id and document_id tell of a licence.
    number: str = ""
    issuer: str = ""
    case_id: UUID | None = None
    document_id: UUID | None = None
    object_key: str = ""
    # state is in_force, replaced, withdrawn or void; a paper also expires by itself.
    state: str = IN_FORCE
    ended_by: str = ""
    ended_why: str = ""
    signatures: tuple[Signature, ...] = ()

    @property
    def key(self) -> str:
        return paper_key(self.title)

    @property
    def holder(self) -> str:
        """Whose paper it is; versions are counted within."""
        return f"company:{self.uscc}" if self.company_wide else f"project:{self.project_id}"

    def standing(self, today: date) -> str:
        if self.state == IN_FORCE and self.valid_until and self.valid_until < today:
            return EXPIRED
        return self.state

    def expect_in_force(self, today: date, *, field: str) -> None:
        standing = self.standing(today)
        if standing != IN_FORCE:
            why_zh, why = STANDINGS[standing]
            raise MaterialNotInForce(
                material_id=self.id, title=self.title, why_zh=why_zh, why=why, field=field
            )

    def statement(self, *, signer: str, on_behalf_of: str, at: datetime) -> str:
        """Return the text that a signature on this paper is made over."""
        told = {
            "material_id": str(self.id),
            "title": self.title,
            "version": self.version,
            "sha256": self.sha256,
            "signed_by": signer,
            "on_behalf_of": on_behalf_of,
            "signed_at": instant(at),
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def best(materials: Iterable[Material], today: date) -> dict[str, Material]:
    """Return the paper that serves for each name: a licence before all others, then the project's own."""
    found: dict[str, Material] = {}
    usable = (each for each in materials if each.standing(today) == IN_FORCE)
    for each in sorted(usable, key=_preference):
        found.setdefault(each.key, each)
    return found


def asked_of(papers: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of an item's papers that a library can hold; a form is filled in each time."""
    keys = (paper_key(name) for name in papers)
    return tuple(dict.fromkeys(key for key in keys if not is_form(key)))


def refuse_asking_again(entries: Sequence[str], on_file: Mapping[str, str], *, field: str) -> None:
    """Refuse a notice that only asks for papers that are there; `on_file` says where, by key.

    An entry that says what is wrong with a paper asks for more than the paper and passes.
    """
    known = {_bare(key): where for key, where in on_file.items()}
    for place, entry in enumerate(entries):
        for name in map(_bare, _BETWEEN.split(paper_key(entry))):
            if name in known:
                raise PaperOnFile(
                    entry=entry,
                    where=known[name],
                    basis=ON_FILE_BASIS,
                    field=f"{field}[{place}]",
                )


def licence_ends(result_document: str, decided: date) -> date | None:
    """Return the last day of a licence whose name tells its term, as 排污许可证(5年) does."""
    term = _TERM.search(result_document)
    if not term:
        return None
    year = decided.year + int(term[1])
    # A term from 29 February ends on the last of the month.
    day = 28 if (decided.month, decided.day) == (2, 29) else decided.day
    return decided.replace(year=year, day=day)


def lapses_unless_started(title: str, issued: date) -> date | None:
    """Return the day by which work must begin for a building permit to stay in force (建筑法 第九条)."""
    return months_later(issued, _MONTHS_TO_START) if _BUILDING_PERMIT in title else None


def _preference(each: Material) -> tuple[bool, bool, float]:
    return each.source != LICENCE, each.company_wide, -each.put_in_at.timestamp()


def _bare(text: str) -> str:
    return _ASKING.sub("", text) or text
