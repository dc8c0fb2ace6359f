"""Warning rules over gRPC: as they count, their versions, a new one, and what it would change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis.calendar import local_day
from chassis.rpc import Call, command, query, read_date, to_timestamp
from warning_dispatch import queries, usecases
from warning_dispatch.domain import LevelChange, OverrideChange, Revision, Rule, RuleBook
from warning_dispatch.edge.shared import Shared
from warning_dispatch.edge.words import name_of, value_of
from warning_dispatch.store import Ledger

_QUARTER = timedelta(days=92)
_MOST_SHOWN = 200
# Who looks after the rules sees what a change does everywhere (roles.md S1: 全市).
_KEEPER = "S1"


class Rules(Shared):
    @query
    def ListRules(self, request: pb.ListRulesRequest, call: Call) -> pb.ListRulesResponse:
        bodies = queries.list_rules(call.tx, local_day(call.now))
        book = RuleBook.read(bodies)
        known = {body["code"]: body for body in bodies}
        return pb.ListRulesResponse(
            rules=[tell_rule(rule, known[rule.code]) for rule in book.rules.values()]
        )

    @query
    def ListRuleVersions(
        self, request: pb.ListRuleVersionsRequest, call: Call
    ) -> pb.ListRuleVersionsResponse:
        bodies = Ledger(call.tx).copies.versions_of_rule(request.code)
        return pb.ListRuleVersionsResponse(
            versions=[tell_rule(Rule.read(body), body) for body in bodies]
        )

    @command
    def ReviseRule(self, request: pb.ReviseRuleRequest, call: Call) -> pb.ReviseRuleResponse:
        rule = usecases.revise_rule(
            Ledger(call.tx),
            request.code,
            _revision(request),
            self._occasion(call),
            effective_from=read_date("effective_from", request.effective_from),
            reason=request.reason,
            by=call.principal.account_id,
            expected_version=request.expected_version,
        )
        call.audit(subject_type="rule", subject_id=rule.code, version=rule.version)
        body = Ledger(call.tx).copies.newest_rule(rule.code)
        return pb.ReviseRuleResponse(rule=tell_rule(rule, body))

    @query
    def PreviewRule(self, request: pb.PreviewRuleRequest, call: Call) -> pb.PreviewRuleResponse:
        today = local_day(call.now)
        until = read_date("until", request.until) if request.until else today
        since = read_date("since", request.since) if request.since else until - _QUARTER
        found = usecases.preview_rule(
            Ledger(call.tx),
            request.code,
            _revision(request),
            None if call.principal.has_role(_KEEPER) else call.scope,
            self._occasion(call),
            since=since,
            until=until,
        )
        return pb.PreviewRuleResponse(
            since=str(since),
            until=str(until),
            subjects=found.subjects,
            counts=[
                pb.PreviewCount(
                    colour=value_of(pb.Colour, colour),
                    present=found.issued_now[colour],
                    changed=found.issued_then[colour],
                )
                for colour in sorted(found.issued_now.keys() | found.issued_then.keys())
            ],
            past=_previewed(found.past),
            past_total=len(found.past),
            running=_previewed(found.running),
            running_total=len(found.running),
        )


def _previewed(changes: list[usecases.Changed]) -> Iterable[pb.PreviewedCard]:
    first = sorted(changes, key=lambda each: each.moment)[:_MOST_SHOWN]
    return [
        pb.PreviewedCard(
            subject_type=value_of(pb.SubjectType, each.subject.type),
            subject_id=str(each.subject.id),
            colour=value_of(pb.Colour, each.colour),
            period=each.period,
            project_name=each.bearer.project_name,
            item_name=each.bearer.item_name,
            org_name=each.bearer.org_name,
            before=to_timestamp(each.before),
            after=to_timestamp(each.after),
        )
        for each in first
    ]


def _revision(request: pb.ReviseRuleRequest | pb.PreviewRuleRequest) -> Revision:
    overrides = tuple(
        OverrideChange(
            items=tuple(each.items),
            departments=tuple(each.departments),
            regions=tuple(each.regions),
            levels=tuple(map(_change, each.levels)),
        )
        for each in request.overrides
    )
    return Revision(
        levels=tuple(map(_change, request.levels)),
        overrides=overrides if overrides or request.replace_overrides else None,
        active=request.active if request.HasField("active") else None,
    )


def _change(told: pb.LevelChange) -> LevelChange:
    return LevelChange(
        colour=name_of(pb.Colour, told.colour),
        thresholds={name: _number(text) for name, text in told.thresholds.items()},
        dispatches=told.dispatches if told.HasField("dispatches") else None,
        tells=tuple(told.tells),
        feedback_days=told.feedback_days,
    )


def tell_rule(rule: Rule, body: Mapping[str, Any]) -> pb.Rule:
    return pb.Rule(
        code=rule.code,
        version=rule.version,
        title_zh=rule.title_zh,
        title_en=rule.title_en,
        basis=rule.basis,
        subject_type=value_of(pb.SubjectType, rule.subject_type),
        effective_from=rule.effective_from,
        levels=[
            pb.RuleLevel(
                colour=value_of(pb.Colour, level.colour),
                condition_zh=level.condition_zh,
                condition_en=level.condition_en,
                thresholds={name: str(value) for name, value in level.thresholds.items()},
                dispatches=level.dispatches,
                tells=level.tells,
                feedback_days=level.feedback_days,
            )
            for level in rule.levels
        ],
        overrides=[
            pb.RuleOverride(
                items=each.items,
                departments=each.departments,
                regions=each.regions,
                levels=[_told_change(colour, said) for colour, said in each.levels.items()],
            )
            for each in rule.overrides
        ],
        active=rule.active,
        reason=body.get("reason", ""),
        revised_by=body.get("revised_by", ""),
    )


def _told_change(colour: str, said: Mapping[str, Any]) -> pb.LevelChange:
    return pb.LevelChange(
        colour=value_of(pb.Colour, colour),
        thresholds={name: str(value) for name, value in (said.get("thresholds") or {}).items()},
        dispatches=said.get("dispatches"),
        tells=said.get("tells") or (),
        feedback_days=said.get("feedback_days") or 0,
    )


def _number(text: str) -> float:
    """Read a threshold; whole numbers stay whole, as they are shown and counted."""
    number = float(text)
    return int(number) if number.is_integer() else number
