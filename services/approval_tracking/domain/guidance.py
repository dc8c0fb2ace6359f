"""What a project needs and why, what it does not need and why, and the papers for all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from approval_tracking.domain.catalogue import Catalogue, Item, Limit
from approval_tracking.domain.rules import Attribute, Attributes, Fixed, decide, tell
from chassis.errors import FieldInvalid

# Remarks in brackets and the word for an electronic copy do not make another paper.
_REMARK = re.compile(r"[(（][^()（）]*[)）]|\s")
# Nor does the pattern of a number behind its name, as in 项目代码 YYMM-RRRRRR.
_PATTERN = re.compile(r"\s[A-Z-]+$")
# Every item has a form of its own, whatever the catalogue calls it.
_FORM = re.compile(r"(许可|登记|竣工)?(申请表|申请书|申报表|备案表|登记表|承诺书|备案材料|报验单)")
_TRUE, _FALSE = ("true", "是"), ("false", "否")


@dataclass(frozen=True)
class Cause:
    """One attribute's part in a rule's answer. An assumed value is the default, nobody gave it."""

    attribute: str
    value: str
    assumed: bool
    zh: str
    en: str


@dataclass(frozen=True)
class Verdict:
    """Whether an item applies, by which rule, and which values made it so."""

    item: Item
    applies: bool
    causes: tuple[Cause, ...]

    @property
    def zh(self) -> str:
        if not self.causes:
            return "所有项目都须办理" if self.applies else "暂不适用于任何项目"
        head = "须办理" if self.applies else "无须办理"
        return f"{head}: {'; '.join(cause.zh for cause in self.causes)}"

    @property
    def en(self) -> str:
        if not self.causes:
            return "every project needs it" if self.applies else "no project needs it at present"
        head = "needed" if self.applies else "not needed"
        return f"{head}: {'; '.join(cause.en for cause in self.causes)}"


@dataclass(frozen=True)
class Paper:
    """A paper that is handed in once, for all the items that ask for it."""

    name: str
    needed_for: tuple[str, ...]
    # may_follow_for are the items that accept without it; it has a limit of its own then.
    may_follow_for: tuple[str, ...]
    # by_commitment_for are the items whose papers a commitment may replace.
    by_commitment_for: tuple[str, ...]
    # issued_by is the project's own item whose result it is: it is not asked of the applicant.
    issued_by: str = ""


@dataclass(frozen=True)
class Guidance:
    """A project's guide: every item of the catalogue with its verdict, and the papers."""

    catalogue: Catalogue
    attributes: Attributes
    verdicts: tuple[Verdict, ...]
    papers: tuple[Paper, ...]

    @property
    def applicable(self) -> tuple[Item, ...]:
        return tuple(verdict.item for verdict in self.verdicts if verdict.applies)


@dataclass(frozen=True)
class Change:
    """One attribute's other value."""

    attribute: Attribute
    before: str
    after: str


@dataclass(frozen=True)
class Moved:
    """An item whose legal limit or prerequisites are others after the change."""

    item: Item
    limits: tuple[Limit, Limit]
    prerequisites: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Comparison:
    before: Guidance
    after: Guidance
    changes: tuple[Change, ...]
    added: tuple[Verdict, ...]
    dropped: tuple[Verdict, ...]
    moved: tuple[Moved, ...]
    more_papers: tuple[str, ...]
    fewer_papers: tuple[str, ...]


def guide(catalogue: Catalogue, given: Mapping[str, object]) -> Guidance:
    """Say of every item whether a project with these attributes needs it, and why."""
    attributes = catalogue.read_attributes(given)
    verdicts = tuple(
        _verdict(catalogue, item, attributes, given) for item in catalogue.items.values()
    )
    needed = [verdict.item for verdict in verdicts if verdict.applies]
    return Guidance(catalogue, attributes, verdicts, merge_papers(needed))


def compare(
    catalogue: Catalogue, given: Mapping[str, object], changes: Mapping[str, object]
) -> Comparison:
    """Say what other attributes would change."""
    before, after = guide(catalogue, given), guide(catalogue, {**given, **changes})
    needed = {item.code for item in before.applicable}
    needed_after = {item.code for item in after.applicable}
    papers = _asked(before.papers)
    papers_after = _asked(after.papers)
    changed = []
    for name in changes:
        attribute = catalogue.attributes[name]
        old, new = (attribute.says(each.attributes[name])[0] for each in (before, after))
        if before.attributes[name] != after.attributes[name]:
            changed.append(Change(attribute, old, new))
    moved = []
    for code in needed & needed_after:
        item = catalogue.items[code]
        limits = (item.statutory_for(before.attributes), item.statutory_for(after.attributes))
        waits = (_waits(item, needed), _waits(item, needed_after))
        if limits[0] != limits[1] or waits[0] != waits[1]:
            moved.append(Moved(item, limits, waits))
    return Comparison(
        before=before,
        after=after,
        changes=tuple(changed),
        added=tuple(
            each for each in after.verdicts if each.applies and each.item.code not in needed
        ),
        dropped=tuple(
            each for each in after.verdicts if not each.applies and each.item.code in needed
        ),
        moved=tuple(sorted(moved, key=lambda each: catalogue.order[each.item.code])),
        more_papers=tuple(name for name in papers_after if name not in papers),
        fewer_papers=tuple(name for name in papers if name not in papers_after),
    )


def read_changes(catalogue: Catalogue, text: str, *, field: str) -> dict[str, object]:
    """Read `eia_class=report,land_area_ha=8`; what is no value of its attribute is refused."""
    read: dict[str, object] = {}
    for pair in filter(None, text.split(",")):
        name, _, value = pair.partition("=")
        if name not in catalogue.attributes:
            raise FieldInvalid(
                field=field, zh_why=f"没有项目属性 {name}", en_why=f"there is no attribute {name}"
            )
        read[name] = _read_value(catalogue.attributes[name], value, field=field)
    return read


def merge_papers(items: list[Item]) -> tuple[Paper, ...]:
    """Return each paper once, with the items that need it; the same name in other words is one."""
    issued = {paper_key(item.result_document): item.code for item in items if item.result_document}
    names: dict[str, str] = {}
    needed: dict[str, dict[str, bool]] = {}
    for item in items:
        later = {paper_key(name) for name in item.deferrable_materials}
        for name in (*item.core_materials, *item.deferrable_materials):
            same, told = paper_key(name), name
            if is_form(same):
                same, told = f"{item.code} {same}", f"{name} ({item.name})"
            names.setdefault(same, told)
            needed.setdefault(same, {})[item.code] = paper_key(name) in later
    promising = {item.code for item in items if item.commitment_allowed}
    return tuple(
        Paper(
            name=names[same],
            needed_for=tuple(askers),
            may_follow_for=tuple(code for code, later in askers.items() if later),
            by_commitment_for=tuple(code for code in askers if code in promising),
            issued_by=issued[same] if same in issued and issued[same] not in askers else "",
        )
        for same, askers in needed.items()
    )


def paper_key(name: str) -> str:
    """Return what a paper is told apart by: its name without remarks in brackets."""
    return _REMARK.sub("", paper_name(name)) or name


def paper_name(name: str) -> str:
    """Return a paper's name without the pattern of its number."""
    return _PATTERN.sub("", name)


def is_form(key: str) -> bool:
    """Say whether a paper is filled in anew for each application."""
    return bool(_FORM.fullmatch(key))


def _verdict(
    catalogue: Catalogue, item: Item, attributes: Attributes, given: Mapping[str, object]
) -> Verdict:
    rule = catalogue.rules[item.code]
    applies, tests = decide(rule, attributes)
    if isinstance(rule, Fixed):
        return Verdict(item, applies, ())
    causes = []
    for test in tests:
        attribute = catalogue.attributes[test.name]
        zh, en = tell(test, attribute, attributes)
        assumed = test.name not in given
        causes.append(
            Cause(
                attribute=test.name,
                value=attribute.says(attributes[test.name])[0],
                assumed=assumed,
                zh=zh + ("(未填报, 按默认值)" if assumed else ""),
                en=en + (" (not given, assumed)" if assumed else ""),
            )
        )
    return Verdict(item, applies, tuple(causes))


def _waits(item: Item, needed: set[str]) -> tuple[str, ...]:
    return tuple(code for code in item.prerequisites if code in needed)


def _asked(papers: tuple[Paper, ...]) -> dict[str, None]:
    return dict.fromkeys(paper.name for paper in papers if not paper.issued_by)


def _read_value(attribute: Attribute, text: str, *, field: str) -> object:
    if attribute.kind == "bool" and text in (*_TRUE, *_FALSE):
        return text in _TRUE
    if attribute.kind == "number" and re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
        return float(text)
    if attribute.kind == "enum" and text in attribute.values:
        return text
    allowed = {
        "bool": "true, false",
        "number": "0 …",
        "enum": ", ".join(attribute.values),
    }[attribute.kind]
    raise FieldInvalid(
        field=field,
        zh_why=f"{attribute.name} 的值应为: {allowed}, 而不是 {text}",
        en_why=f"{attribute.name} is one of: {allowed}; not {text}",
    )
