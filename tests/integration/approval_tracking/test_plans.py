"""A plan becomes a baseline once company, carrier and department have signed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.approvals import (
    BUREAU,
    CARRIER,
    COMPANY,
    DISPATCHER,
    HEAD,
    OTHER_BUREAU,
    REVIEWER,
    STRANGER,
    shanghai,
)
from support.servicers import Client

PARTIES = (COMPANY, CARRIER, BUREAU)


@pytest.fixture
def proposed(call: Client, project_id: str) -> Any:
    return call(DISPATCHER, "ProposePlan", project_id=project_id, reason="年度开工计划").plan


def agree(call: Client, project_id: str) -> None:
    for party in PARTIES:
        call(party, "SignPlan", project_id=project_id)


def test_what_is_up_for_signature_says_who_has_still_to_sign(
    call: Client, project_id: str, proposed: Any
) -> None:
    assert proposed.proposed
    assert list(proposed.missing) == ["company", "carrier", "department"]
    signed = call(CARRIER, "SignPlan", project_id=project_id, note="同意").plan
    seen = call(COMPANY, "GetPlan", project_id=project_id, proposed=True).plan

    assert seen == signed
    assert list(seen.missing) == ["company", "department"]
    assert [(each.party, each.account, each.note) for each in seen.signatures] == [
        ("carrier", "carrier", "同意")
    ]


def test_it_is_frozen_only_when_all_have_signed(
    call: Client, project_id: str, proposed: Any
) -> None:
    refused = call.refused(DISPATCHER, "BaselinePlan", project_id=project_id)
    assert refused.reason == "PLAN_NOT_AGREED"

    agree(call, project_id)
    frozen = call(DISPATCHER, "BaselinePlan", project_id=project_id).plan

    assert (frozen.baseline, frozen.proposed, frozen.nodes) == (1, False, proposed.nodes)
    assert [each.party for each in frozen.signatures] == ["company", "carrier", "department"]
    assert call(COMPANY, "GetPlan", project_id=project_id, baseline=1).plan == frozen
    gone = call.refused(COMPANY, "GetPlan", project_id=project_id, proposed=True)
    assert gone.reason == "NO_PLAN_PROPOSED"


def test_a_party_signs_once_and_only_what_it_read(
    call: Client, project_id: str, proposed: Any
) -> None:
    other = call.refused(
        COMPANY, "SignPlan", project_id=project_id, expected_version=proposed.version + 1
    )
    call(COMPANY, "SignPlan", project_id=project_id, expected_version=proposed.version)
    again = call.refused(COMPANY, "SignPlan", project_id=project_id)

    assert (other.reason, again.reason) == ("STALE", "PLAN_ALREADY_SIGNED")


def test_a_new_proposal_voids_the_signatures(call: Client, project_id: str, proposed: Any) -> None:
    agree(call, project_id)
    fresh = call(DISPATCHER, "ProposePlan", project_id=project_id).plan

    assert list(fresh.signatures) == []
    assert call.refused(DISPATCHER, "BaselinePlan", project_id=project_id).reason == (
        "PLAN_NOT_AGREED"
    )


def test_only_the_parties_sign(call: Client, project_id: str, proposed: Any) -> None:
    reasons = [
        call.refused(who, "SignPlan", project_id=project_id).reason
        for who in (DISPATCHER, HEAD, OTHER_BUREAU, STRANGER)
    ]
    assert reasons == ["NOT_YOUR_ROLE", "NOT_YOUR_ROLE", "NOT_A_PARTY", "OUT_OF_SCOPE"]


def test_a_second_baseline_says_why_and_the_first_stays(
    call: Client, project_id: str, proposed: Any
) -> None:
    agree(call, project_id)
    first = call(DISPATCHER, "BaselinePlan", project_id=project_id).plan
    silent = call.refused(DISPATCHER, "ProposePlan", project_id=project_id)
    call(DISPATCHER, "ProposePlan", project_id=project_id, reason="地块调整")
    agree(call, project_id)
    second = call(DISPATCHER, "BaselinePlan", project_id=project_id, reason="同意调整").plan

    assert (silent.reason, silent.fields) == ("FIELD_INVALID", ["reason"])
    assert (second.baseline, second.reason) == (2, "地块调整; 同意调整")
    assert call(COMPANY, "GetPlan", project_id=project_id, baseline=1).plan == first


def test_a_baseline_is_held_against_what_came_of_it(
    call: Client, project_id: str, proposed: Any, watch: Any, done: Callable[..., None]
) -> None:
    agree(call, project_id)
    call(DISPATCHER, "BaselinePlan", project_id=project_id)
    assert {each.days for each in compared(call, project_id)} == {0}

    done("S2-01")
    watch.now = shanghai("2026-03-16T09:00:00")
    call(COMPANY, "LayPlan", project_id=project_id)
    after = {each.item_code: each for each in compared(call, project_id)}

    assert after["S2-01"].done_on == "2026-02-04"
    assert after["S2-01"].days < 0
    # Ten working days went by in which nothing was begun.
    assert after["S2-06"].days == 10


def compared(call: Client, project_id: str) -> Any:
    return call(REVIEWER, "ComparePlan", project_id=project_id).deviations


def test_without_a_baseline_there_is_nothing_to_compare(call: Client, project_id: str) -> None:
    for baseline in (0, 3):
        refused = call.refused(COMPANY, "ComparePlan", project_id=project_id, baseline=baseline)
        assert refused.reason == "PLAN_UNKNOWN"
