"""Documents 文书: which can be had, what they say, what they are worth, and that their file is fixed."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import docx
import pytest

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import Entry
from approval_tracking.domain.catalogue import Limit
from approval_tracking.domain.clock import ANNULLED, Rules
from approval_tracking.domain.document_errors import DocumentNotYetPossible
from approval_tracking.domain.document_texts import Stamp, Subject, clock_at, compose
from approval_tracking.domain.documents import KINDS, Content, numbered, pick, possible, standing
from approval_tracking.domain.events import Correction, Deferral, Happening
from approval_tracking.official_documents import case_document
from support.approval_data import calendar, catalogue
from support.approvals import shanghai

ITEMS = catalogue().items
CALENDAR = calendar()
STAMP = Stamp("丹阳市发改受理〔2026〕1号", date(2026, 3, 3), "ab" * 16, "https://a.example/v1/x")
TWENTY = Limit(Decimal(20), "working")
RULES = Rules(
    clock_start="acceptance",
    statutory=TWENTY,
    committed=Limit(Decimal(10), "working"),
    notice_days=5,
    notice_unit="working",
    on_expiry="deemed_accepted_from_receipt",
    extension_days=10,
    extension_basis="行政许可法 第四十二条第一款",
)


def happened(kind: str, day: int, number: int, **more: Any) -> Happening:
    at = shanghai(f"2026-03-{day:02}T10:00:00")
    return Happening(kind, date(2026, 3, day), at, number=number, **more)


def a_case(*happenings: Happening, code: str = "S2-06", **changes: Any) -> Case:
    return Case(
        id=UUID(int=1),
        receipt_number="321181-20260302-000001",
        project_id=UUID(int=2),
        project_name="示例项目",
        item_code=code,
        item_name=ITEMS[code].name,
        stage="S2",
        duty_bearer="authority",
        org="321181:发改",
        org_name="丹阳市发改",
        region_path="321100/321181",
        level="市级",
        uscc="",
        agents=(),
        mode="single",
        rules=RULES,
        procedures=(),
        prerequisites=(),
        catalogue=1,
        received_at=happenings[0].at,
        happenings=list(happenings),
        **changes,
    )


def composed(case: Case, kind: str, number: int = 0, **more: Any) -> Content:
    wanted = pick(case.happenings, kind, number, case_id=case.id)
    about = Subject(
        case=case,
        item=ITEMS[case.item_code],
        happening=wanted.happening,
        clock=clock_at(case, wanted.happening, CALENDAR),
        org_name="丹阳市发展和改革委员会",
        applicant="示例公司",
        **more,
    )
    return compose(wanted.kind, about, STAMP)


RECEIVED = happened("received", 2, 1)
ACCEPTED = happened("accepted", 3, 2)


def told(content: Content) -> str:
    facts = (f"{label} {text}" for label, text in content.facts)
    return "\n".join([content.title, *facts, *content.paragraphs, *content.entries, *content.basis])


# --- which can be had --------------------------------------------------------------------------


def test_each_happening_has_its_document_and_a_deferral_only_where_papers_follow() -> None:
    deferred = happened("deferred", 3, 3)

    def kinds(*happenings: Happening) -> list[str]:
        return [each.kind.code for each in possible(happenings)]

    assert kinds(RECEIVED, ACCEPTED) == ["receipt", "acceptance"]
    assert kinds(RECEIVED, ACCEPTED, deferred) == ["receipt", "acceptance", "deferral"]


def test_every_kind_is_about_a_happening_that_exists_and_has_a_word_of_its_own() -> None:
    words = [each.word for each in KINDS.values()]

    assert len(set(words)) == len(words) == 9
    with pytest.raises(DocumentNotYetPossible) as refused:
        pick([RECEIVED], "decision", 0, case_id=UUID(int=1))
    assert "决定书" in refused.value.message_zh


def test_the_last_of_a_kind_is_meant_unless_one_is_named() -> None:
    first, again = happened("paused", 4, 3), happened("paused", 12, 5)
    resumed = happened("resumed", 10, 4)
    all_of_it = [RECEIVED, ACCEPTED, first, resumed, again]

    def found(number: int) -> int:
        one = pick(all_of_it, "pause", number, case_id=UUID(int=1))
        return one.happening.number

    assert (found(0), found(3), found(5)) == (5, 3, 5)


# --- what they are worth -----------------------------------------------------------------------


def correction(of: int, number: int, kind: str = "received") -> Happening:
    made = Correction(of, "head", shanghai("2026-03-05T09:00:00"), "登记有误", "doc")
    return happened(kind, 1, number, correction=made)


def test_a_document_counts_until_its_record_is_corrected_or_annulled() -> None:
    once = [RECEIVED, correction(1, 2)]
    twice = [*once, correction(2, 3)]

    assert standing([RECEIVED], 1) == ("valid", 0)
    assert standing(once, 1) == ("superseded", 2)
    assert standing(twice, 1) == ("superseded", 3)
    assert standing(twice, 2) == ("superseded", 3)
    assert standing(twice, 3) == ("valid", 0)


def test_a_document_about_what_never_was_is_void_also_after_an_earlier_correction() -> None:
    paused = happened("paused", 4, 3)
    annulled = [RECEIVED, ACCEPTED, paused, correction(3, 4, ANNULLED)]
    moved = [RECEIVED, ACCEPTED, paused, correction(3, 4, "paused"), correction(4, 5, ANNULLED)]

    assert standing(annulled, 3) == ("annulled", 0)
    assert standing(moved, 3) == ("annulled", 0)
    assert standing(moved, 4) == ("annulled", 0)


# --- what they say -----------------------------------------------------------------------------


def test_a_number_names_whose_it_is_of_which_kind_and_year() -> None:
    assert numbered("321181:发改", KINDS["receipt"], 2026, 7) == "丹阳市发改收件〔2026〕7号"


def test_an_acceptance_tells_both_due_days_as_they_stood_then() -> None:
    extended = happened("extended", 20, 3, days=10, reason="情况复杂", basis="x")

    now = told(composed(a_case(RECEIVED, ACCEPTED), "acceptance"))
    later = told(composed(a_case(RECEIVED, ACCEPTED, extended), "acceptance"))

    assert "法定期限届满日 2026年3月31日" in now
    assert "承诺期限届满日 2026年3月17日" in now
    assert later == now


def test_silence_is_told_as_acceptance_by_law() -> None:
    deemed = happened("deemed_accepted", 2, 2)
    content = composed(a_case(RECEIVED, deemed), "acceptance")

    assert "未在法定期限内一次告知" in content.paragraphs[0]
    assert content.basis[0].endswith("第三十二条第一款第四项")


def test_a_receipt_says_what_silence_would_mean_only_where_the_law_says_so() -> None:
    silent = composed(a_case(RECEIVED), "receipt")
    other = a_case(RECEIVED)
    other.rules = replace(RULES, on_expiry="notify")

    assert "逾期不告知的, 自收到申请材料之日起即为受理" in told(silent)
    assert "2026年3月9日" in told(silent)
    assert "即为受理" not in told(composed(other, "receipt"))


def test_a_second_supplement_notice_repeats_only_what_is_open() -> None:
    case = a_case(
        RECEIVED,
        happened("supplement_asked", 3, 2, reason="缺页; 缺签字"),
        happened("supplemented", 4, 3),
        happened("supplement_asked", 5, 4, reason="缺签字"),
        notice=(Entry(1, "缺页", filled=True), Entry(2, "缺签字")),
    )

    assert composed(case, "supplement_notice", 2).entries == ("缺页", "缺签字")
    assert composed(case, "supplement_notice").entries == ("缺签字",)


def test_a_deferral_lists_each_paper_with_its_last_day() -> None:
    papers = (Deferral("住所证明", date(2026, 3, 20)), Deferral("章程", date(2026, 3, 24)))
    case = a_case(
        *(RECEIVED, ACCEPTED, happened("deferred", 3, 3)),
        deferrals=papers,
        undertaking="承诺书1号",
    )

    content = composed(case, "deferral")

    assert content.entries == (
        "住所证明 (至迟于2026年3月20日补齐)",
        "章程 (至迟于2026年3月24日补齐)",
    )
    assert ("承诺书", "承诺书1号") in content.facts
    assert content.signed_by_recipient


def test_an_extension_tells_its_days_reason_and_new_end() -> None:
    extended = happened("extended", 20, 3, days=10, reason="情况复杂", basis="第四十二条第一款")
    said = told(composed(a_case(RECEIVED, ACCEPTED, extended), "extension"))

    assert "延长 10 个工作日" in said
    assert "延长的理由: 情况复杂" in said
    assert "法定期限届满日 2026年4月" in said


@pytest.mark.parametrize(
    ("code", "outcome", "title"),
    [
        ("S1-02", "approved", "准予行政许可决定书"),
        ("S1-02", "rejected", "不予行政许可决定书"),
        ("S1-01", "approved", "准予办理决定书"),
        ("S1-01", "rejected", "不予办理决定书"),
    ],
)
def test_a_decision_is_called_after_its_outcome_and_what_it_decides(
    code: str, outcome: str, title: str
) -> None:
    decided = happened("decided", 10, 3, reason="理由在此")
    case = a_case(RECEIVED, ACCEPTED, decided, code=code, outcome=outcome)

    content = composed(case, "decision")

    assert content.title == title
    assert content.basis[0].startswith("参照") == (ITEMS[code].kind != "行政许可")
    assert ("理由: 理由在此" in content.paragraphs) == (outcome == "rejected")
    assert "行政许可法" not in content.remedy or ITEMS[code].kind == "行政许可"
    assert ("行政复议" in content.remedy and "六十日" in content.remedy) == (outcome == "rejected")


def test_a_late_decision_gives_its_public_reason() -> None:
    decided = happened("decided", 10, 3)
    case = a_case(RECEIVED, ACCEPTED, decided, outcome="approved", public_reason="专家评审改期")

    assert "超过承诺期限的理由: 专家评审改期" in composed(case, "decision").paragraphs


# --- the file ----------------------------------------------------------------------------------


def test_the_same_content_makes_the_same_bytes_and_other_content_others() -> None:
    content = composed(a_case(RECEIVED, ACCEPTED), "acceptance")

    assert case_document(content) == case_document(content)
    assert case_document(replace(content, number="另一号")) != case_document(content)


def test_the_file_carries_no_time_of_making() -> None:
    file = case_document(composed(a_case(RECEIVED), "receipt"))

    with zipfile.ZipFile(io.BytesIO(file)) as parts:
        assert {each.date_time for each in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert docx.Document(io.BytesIO(file)).core_properties.created is not None
