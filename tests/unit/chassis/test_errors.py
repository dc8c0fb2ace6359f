"""Every refusal has a stable reason and both languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.rpc import error_details_pb2 as details

from chassis import errors
from chassis.rpc import to_status


class CaseNotOpen(errors.FailedPrecondition):
    zh = "办件 {case_id} 不能受理"
    en = "case {case_id} cannot be accepted"


class NotANavigator(errors.FailedPrecondition):
    zh = "不是帮办"
    en = "no navigator"


def every_error(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


def test_the_reason_is_the_class_name_in_upper_snake() -> None:
    assert CaseNotOpen.reason() == "CASE_NOT_OPEN"
    assert NotANavigator.reason() == "NOT_A_NAVIGATOR"


def test_facts_fill_both_sentences_and_travel_as_metadata() -> None:
    status = to_status(CaseNotOpen(case_id=7))

    info = details.ErrorInfo()
    status.details[0].Unpack(info)
    assert (info.reason, dict(info.metadata)) == ("CASE_NOT_OPEN", {"case_id": "7"})
    said = []
    for packed in list(status.details)[1:]:
        text = details.LocalizedMessage()
        packed.Unpack(text)
        said.append((text.locale, text.message))
    assert said == [("zh-CN", "办件 7 不能受理"), ("en", "case 7 cannot be accepted")]


def test_a_named_field_comes_before_the_sentences() -> None:
    status = to_status(CaseNotOpen(case_id=7, field="case_id"))

    bad = details.BadRequest()
    assert status.details[1].Unpack(bad)
    assert [(v.field, v.reason) for v in bad.field_violations] == [("case_id", "CASE_NOT_OPEN")]


def test_several_bad_fields_are_named_at_once() -> None:
    error = errors.FieldsInvalid(
        [errors.FieldViolation("a", "错", "bad"), errors.FieldViolation("b", "错", "bad")]
    )

    assert error.message_en == "2 fields are invalid: a, b"


@pytest.mark.parametrize("kind", list(every_error(errors.DomainError)), ids=lambda k: k.__name__)
def test_every_error_has_both_languages_and_a_status(kind: type[errors.DomainError]) -> None:
    assert kind.zh != kind.en
    assert kind.zh
    assert kind.en
    assert isinstance(kind.status, errors.Status)
