"""The report of a month: what was promised, what was kept, what is left of the budget."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from chassis.calendar import SHANGHAI
from reporting import budget
from reporting.domain import Month
from reporting.promises import Kept
from support import newsroom as told
from support.clocks import at, happening
from support.newsroom import Newsroom

ASKED: list[tuple[str, float]] = []


class _Answers(BaseHTTPRequestHandler):
    """What a Prometheus has recorded of a month, for exactly the questions that are asked."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        expr = query["query"][0]
        ASKED.append((expr, float(query["time"][0])))
        words = {"slo": "availability", "kind": "requests", "zh": "可用性", "en": "availability"}
        found: list[tuple[dict[str, str], str]] = []
        if "slo:good" in expr:
            found = [({"slo": "availability"}, "9995")]
        elif "slo:total" in expr:
            found = [({"slo": "availability"}, "10000")]
        elif "slo:objective" in expr:
            found = [(words, "0.999"), ({**words, "slo": "link-lag"}, "0.99")]
        result = [{"metric": metric, "value": [0, value]} for metric, value in found]
        body = json.dumps({"status": "success", "data": {"result": result}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def prometheus() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_month_is_told_in_both_languages_with_who_was_failed(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, on in ((1, "2026-10-20"), (2, "2026-11-18")):
        newsroom.take(
            told.case(
                "case_decided.v1", f"{on} 11:00", case_id=UUID(int=number), version=3,
                status="decided", accepted="2026-10-08",
                happenings=[happening("accepted", "2026-10-08"), happening("decided", on)],
            )
        )  # fmt: skip

    budget.main(newsroom.db, lambda: at("2026-11-20 12:00"), ["--month", "2026-10"])

    said = " ".join(capsys.readouterr().out.split())
    # Ten working days after 8 October (10 October is a working Saturday) end on 21 October.
    assert "cases decided within the promised limit 98.0% 50.00% -2400% 1/2" in said
    assert "发展和改革委员会 (321181:发改): 1 / 2" in said


def test_a_month_without_a_promise_has_no_line(
    newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    budget.main(newsroom.db, lambda: at("2026-11-20 12:00"), ["--month", "2025-01"])

    assert "  -" in capsys.readouterr().out


def test_what_is_no_month_is_refused(newsroom: Newsroom) -> None:
    with pytest.raises(SystemExit):
        budget.main(newsroom.db, lambda: at("2026-11-20 12:00"), ["--month", "October"])


def test_the_platforms_come_from_prometheus(prometheus: str) -> None:
    ASKED.clear()
    [line] = budget.recorded(prometheus, Month.read("2026-10"))

    assert (line.zh, line.good, line.total) == ("可用性", 9995, 10000)
    # Half of one in a thousand has failed: half of the budget is left. link-lag had no event.
    assert line.left == pytest.approx(0.5)
    assert all("[31d]" in expr for expr, _ in ASKED)
    last = datetime(2026, 10, 31, 23, 59, 59, tzinfo=SHANGHAI).timestamp()
    assert {when for _, when in ASKED} == {last}


def test_who_broke_most_comes_first_and_who_broke_nothing_not_at_all() -> None:
    def row(of: str, due: int, kept: int, by: str = "department") -> Kept:
        return Kept("case", by, of, of, ((due, kept),), 0)

    rows = [row("a", 5, 4), row("b", 9, 3), row("c", 7, 7), row("S1-01", 9, 0, "item")]

    assert [each.of for each in budget.broken(rows)] == ["b", "a"]
