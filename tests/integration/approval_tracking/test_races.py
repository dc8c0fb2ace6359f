"""Two officials press the button at the same moment, again and again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import grpc
import pytest

from chassis.identity import Principal
from support.approvals import COMPANY, OTHER_REVIEWER, REVIEWER
from support.servicers import Client, Refusal


@pytest.mark.parametrize(
    "rounds", [pytest.param(50, id="50"), pytest.param(1000, id="1000", marks=pytest.mark.long)]
)
def test_of_two_who_accept_one_case_exactly_one_wins_and_the_other_reads_an_older_version(
    call: Client, project_id: str, rounds: int
) -> None:
    outcomes: dict[str, int] = {}
    start = Barrier(2)

    def accept(who: Principal, case: Any) -> str:
        start.wait(timeout=30)
        try:
            call(who, "AcceptCase", case_id=case.case_id, expected_version=case.version)
        except grpc.RpcError as error:
            refusal = Refusal.of(error)
            return f"{refusal.code} {refusal.reason}"
        return "accepted"

    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            case = call(COMPANY, "SubmitCase", project_id=project_id, item_code="S2-06").case
            both = [pool.submit(accept, who, case) for who in (REVIEWER, OTHER_REVIEWER)]
            told = " + ".join(sorted(each.result(timeout=30) for each in both))
            outcomes[told] = outcomes.get(told, 0) + 1
            after = call(COMPANY, "GetCase", case_id=case.case_id).case
            assert (after.version, after.status) == (case.version + 1, "in_review")
            assert [each.kind for each in after.clock.happenings] == ["received", "accepted"]
            call(COMPANY, "WithdrawCase", case_id=case.case_id, reason="再来一次")

    assert outcomes == {"ABORTED STALE + accepted": rounds}
