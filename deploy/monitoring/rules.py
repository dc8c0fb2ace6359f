"""From objectives to rules: error ratios over several windows, and alerts on how fast a budget burns.

The windows and factors are those of the SRE workbook (chapter 5): a page when two per cent of a
month's budget went in an hour or five in six hours, a ticket when ten per cent went in a day or three. The
state's promises fall due by days, so theirs are days, and nobody is woken: offices are shut at night.
"""

from __future__ import annotations

from typing import Any

from monitoring.slo import Objective

Rule = dict[str, Any]

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
# Longer windows move slowly and cost more to ask for.
_LONG = ("1d", "3d", "30d")
# (severity, ((long window, short window, how many times too fast), …))
_BURNS = (
    ("page", (("1h", "5m", 14.4), ("6h", "30m", 6.0))),
    ("week", (("1d", "2h", 3.0), ("3d", "6h", 1.0))),
)
PROMISE_WINDOWS = (3, 7, 30)
_PROMISE_BURNS = (
    ("today", (7, 3, 4.0)),
    ("week", (30, 7, 1.0)),
)
_PROMISE_LABELS = "by, of, name"


def groups(objectives: list[Objective]) -> dict[str, Any]:
    """Return a Prometheus rule file."""
    platform = [each for each in objectives if each.kind != "promise"]
    state = [each for each in objectives if each.kind == "promise"]
    return {
        "groups": [
            {"name": "objectives", "rules": [rule for each in objectives for rule in _said(each)]},
            {
                "name": "service-levels",
                "rules": [rule for each in platform for rule in _platform(each)],
            },
            {
                "name": "service-levels-long",
                "interval": "5m",
                "rules": [rule for each in platform for rule in _platform_long(each)],
            },
            {"name": "promises", "rules": [rule for each in state for rule in _state(each)]},
        ]
    }


def _labels(each: Objective) -> dict[str, str]:
    return {"slo": each.name, "kind": each.kind}


def _said(each: Objective) -> list[Rule]:
    """Return the objective as series, so that a dashboard or a report needs no other source."""
    words = {"zh": each.title.zh, "en": each.title.en, "owner": each.owner.zh}
    return [
        {
            "record": "slo:objective:ratio",
            "expr": f"vector({each.objective})",
            "labels": {**_labels(each), **words},
        }
    ]


# --- the platform's -----------------------------------------------------------------------------


def _platform(each: Objective) -> list[Rule]:
    rules: list[Rule] = []
    if each.kind == "time":
        rules.append({"record": "slo:good:bool", "expr": each.good, "labels": _labels(each)})
    rules += [_errors(each, window) for window in WINDOWS if window not in _LONG]
    return [*rules, *_alerts(each)]


def _platform_long(each: Objective) -> list[Rule]:
    good, total = _events(each, "5m")
    return [
        *(_errors(each, window) for window in _LONG),
        {
            "record": "slo:budget_left:ratio",
            "expr": f"1 - {_ratio(each, '30d')} / {each.budget}",
            "labels": _labels(each),
        },
        # What a month's report adds up: these two, every five minutes.
        {"record": "slo:good:sum_5m", "expr": good, "labels": _labels(each)},
        {"record": "slo:total:sum_5m", "expr": total, "labels": _labels(each)},
    ]


def _events(each: Objective, window: str) -> tuple[str, str]:
    """Return what was good in a window and what there was in all; minutes count as events."""
    if each.kind == "time":
        bool_ = f'slo:good:bool{{slo="{each.name}"}}'
        return f"sum_over_time({bool_}[{window}])", f"count_over_time({bool_}[{window}])"
    good, total = (text.replace("$window", window) for text in (each.good, each.total))
    # When nothing at all was good its series may not exist yet: that is none, not unknown.
    return f"({good}) or ({total}) * 0", total


def _errors(each: Objective, window: str) -> Rule:
    good, total = _events(each, window)
    return {
        "record": f"slo:errors:ratio_{window}",
        "expr": f"1 - ({good}) / ({total} > 0)",
        "labels": _labels(each),
    }


def _ratio(each: Objective, window: str) -> str:
    return f'slo:errors:ratio_{window}{{slo="{each.name}"}}'


def _alerts(each: Objective) -> list[Rule]:
    made = []
    for severity, burns in _BURNS:
        ways = []
        for long, short, factor in burns:
            limit = round(factor * each.budget, 6)
            enough = _events(each, long)[1]
            ways.append(
                f"({_ratio(each, long)} > {limit} and {_ratio(each, short)} > {limit}"
                f" and on () ({enough}) >= {each.minimum})"
            )
        made.append(
            {
                "alert": each.alert,
                "expr": "\nor\n".join(ways),
                "labels": {"severity": severity},
                "annotations": {
                    "summary": f"{each.title.zh}: 误差预算消耗过快",
                    "summary_en": f"{each.title.en}: the error budget burns too fast",
                    "runbook": f"runbooks/{each.runbook}",
                },
            }
        )
    return made


# --- the state's --------------------------------------------------------------------------------


def _state(each: Objective) -> list[Rule]:
    rules: list[Rule] = []
    for days in PROMISE_WINDOWS:
        rules.append(
            {
                "record": f"slo:errors:ratio_{days}d",
                "expr": f"1 - {_counted(each, 'kept', days)} / ({_counted(each, 'due', days)} > 0)",
                "labels": _labels(each),
            }
        )
    rules.append(
        {
            "record": "slo:budget_left:ratio",
            "expr": f"1 - {_ratio(each, '30d')} / {each.budget}",
            "labels": _labels(each),
        }
    )
    for severity, (long, short, factor) in _PROMISE_BURNS:
        limit = round(factor * each.budget, 6)
        # Of a department alone: by item and district the dashboard tells the same cases again.
        which = f'slo="{each.name}", by="department"'
        rules.append(
            {
                "alert": each.alert,
                "expr": (
                    f"slo:errors:ratio_{long}d{{{which}}} > {limit}"
                    f" and slo:errors:ratio_{short}d{{{which}}} > {limit}"
                    f" and on ({_PROMISE_LABELS}) {_counted(each, 'due', long)} >= {each.minimum}"
                ),
                "labels": {"severity": severity},
                "annotations": {
                    "summary": f"{{{{ $labels.name }}}}: {each.title.zh}未达目标",
                    "summary_en": f"{{{{ $labels.of }}}}: {each.title.en}: the objective is missed",
                    "runbook": f"runbooks/{each.runbook}",
                },
            }
        )
    return rules


def _counted(each: Objective, what: str, days: int) -> str:
    # Replicas of the worker export the same numbers.
    which = f'promise="{each.promise}", days="{days}"'
    return f"max by ({_PROMISE_LABELS}) (promises_{what}_count{{{which}}})"
