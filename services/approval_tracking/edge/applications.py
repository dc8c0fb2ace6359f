"""Applications for several items at once, over gRPC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.themes import BASIS, LIMIT_DAYS, THEME, Application
from approval_tracking.edge.cases import came_by, token_place
from approval_tracking.store import CaseStore, ProjectStore, Reference
from approval_tracking.store.applications import ApplicationStore
from approval_tracking.usecases import applications as acts
from approval_tracking.usecases.applications import Line, Overview, Stores
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import FieldInvalid
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_uuid, to_timestamp

# Whom a department's view is for before the notice is sent.
_OFFICIALS = ("A1", "A2", "A3")


class OnApplication(Protocol):
    application_id: str
    expected_version: int


class Applications:
    db: Database
    now: Clock

    @query(transaction=True)
    def ListThemes(self, request: pb.ListThemesRequest, call: Call) -> pb.ListThemesResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        found = acts.fitting_themes(ProjectStore(call.tx), Reference(call.tx), project_id)
        return pb.ListThemesResponse(
            themes=[
                pb.Theme(
                    code=each.theme.code,
                    name=each.theme.name,
                    name_en=each.theme.name_en,
                    lead_department=each.theme.lead_department,
                    items=each.items,
                    set_aside=each.set_aside,
                    joint_form=each.theme.joint_form,
                    merged_papers=each.theme.merged_papers,
                    target_working_days=each.theme.target_working_days,
                )
                for each in found
            ]
        )

    @command
    def ApplyForTheme(
        self, request: pb.ApplyForThemeRequest, call: Call
    ) -> pb.ApplyForThemeResponse:
        stores = _stores(call)
        made = acts.apply_for_theme(
            stores,
            read_uuid("project_id", request.project_id),
            request.theme,
            form=_form(request.form),
            papers=[(paper.name, paper.document) for paper in request.papers],
            channel=came_by(request),
            new_id=call.new_id,
            principal=call.principal,
            now=call.now,
        )
        return pb.ApplyForThemeResponse(application=_done(stores, made, call, "applied"))

    @command
    def ApplyForWhole(
        self, request: pb.ApplyForWholeRequest, call: Call
    ) -> pb.ApplyForWholeResponse:
        stores = _stores(call)
        made = acts.apply_for_whole(
            stores,
            read_uuid("project_id", request.project_id),
            form=_form(request.form),
            papers=[(paper.name, paper.document) for paper in request.papers],
            channel=came_by(request),
            new_id=call.new_id,
            principal=call.principal,
            now=call.now,
        )
        return pb.ApplyForWholeResponse(application=_done(stores, made, call, "applied"))

    @command
    def ApplyNext(self, request: pb.ApplyNextRequest, call: Call) -> pb.ApplyNextResponse:
        stores = _stores(call)
        held = acts.apply_next(
            stores,
            codes=list(request.item_codes),
            new_id=call.new_id,
            **_on_application(request, call),
        )
        told = _done(stores, held, call, "applied_next", items=",".join(request.item_codes))
        return pb.ApplyNextResponse(application=told)

    @command
    def ProposeCorrections(
        self, request: pb.ProposeCorrectionsRequest, call: Call
    ) -> pb.ProposeCorrectionsResponse:
        stores = _stores(call)
        held = acts.propose_corrections(
            stores,
            code=request.item_code,
            entries=list(request.entries),
            **_on_application(request, call),
        )
        told = _done(stores, held, call, "corrections_proposed", item=request.item_code)
        return pb.ProposeCorrectionsResponse(application=told)

    @command
    def AskThemeCorrections(
        self, request: pb.AskThemeCorrectionsRequest, call: Call
    ) -> pb.AskThemeCorrectionsResponse:
        stores = _stores(call)
        held = acts.ask_corrections(
            stores,
            corrections=[(each.item_code, list(each.entries)) for each in request.corrections],
            **_on_application(request, call),
        )
        told = _done(stores, held, call, "corrections_asked")
        return pb.AskThemeCorrectionsResponse(application=told)

    @command
    def ExtendApplication(
        self, request: pb.ExtendApplicationRequest, call: Call
    ) -> pb.ExtendApplicationResponse:
        stores = _stores(call)
        held = acts.extend_application(
            stores,
            days=request.days,
            reason=request.reason,
            document=request.document,
            **_on_application(request, call),
        )
        told = _done(
            stores,
            held,
            call,
            "extended",
            days=request.days,
            document=request.document,
            basis=BASIS,
        )
        return pb.ExtendApplicationResponse(application=told)

    @query(transaction=True)
    def GetApplication(
        self, request: pb.GetApplicationRequest, call: Call
    ) -> pb.GetApplicationResponse:
        application_id = read_uuid("application_id", request.application_id)
        found = acts.get_application(_stores(call), application_id, call.principal)
        return pb.GetApplicationResponse(application=_told(found, call))

    @query(transaction=True)
    def ListApplications(
        self, request: pb.ListApplicationsRequest, call: Call
    ) -> pb.ListApplicationsResponse:
        wanted, stores = page(request, width=2), _stores(call)
        rows = stores.applications.listed(
            call.scope,
            size=wanted.size + 1,
            after=token_place(*wanted.after) if wanted.after else None,
            project_id=read_uuid("project_id", request.project_id) if request.project_id else None,
        )
        given = rows[: wanted.size]
        token = ""
        if len(rows) > len(given):
            token = token_after(instant(given[-1].applied_at), str(given[-1].id))
        return pb.ListApplicationsResponse(
            applications=[_told(acts.overview(stores, each), call) for each in given],
            next_page_token=token,
        )


def _stores(call: Call) -> Stores:
    return Stores(ApplicationStore(call.tx), CaseStore(call.tx), ProjectStore(call.tx))


def _on_application(request: OnApplication, call: Call) -> dict[str, Any]:
    return {
        "application_id": read_uuid("application_id", request.application_id),
        "expected_version": request.expected_version,
        "principal": call.principal,
        "now": call.now,
    }


def _form(fields: Iterable[pb.FormField]) -> dict[str, str]:
    form: dict[str, str] = {}
    for each in fields:
        if each.name in form:
            raise FieldInvalid(
                field="form", zh_why=f"{each.name} 填了两次", en_why=f"{each.name} is given twice"
            )
        form[each.name] = each.text
    return form


def _done(
    stores: Stores, application: Application, call: Call, act: str, **detail: Any
) -> pb.Application:
    """Return the application after a command, which its audit line is about."""
    call.audit(
        subject_type="application",
        subject_id=application.id,
        act=act,
        mode=application.mode,
        theme=application.theme,
        version=application.version,
        **detail,
    )
    return _told(acts.overview(stores, application), call)


def _told(found: Overview, call: Call) -> pb.Application:
    made = found.application
    sent = made.notice_sent_at
    return pb.Application(
        application_id=str(made.id),
        version=made.version,
        project_id=str(made.project_id),
        mode=made.mode,
        theme=made.theme,
        theme_name=made.theme_name,
        channel=made.channel.name,
        authorisation=made.channel.authorisation,
        caller=made.channel.caller,
        summary=made.channel.summary,
        form=[pb.FormField(name=name, text=text) for name, text in made.form.items()],
        papers=[pb.ApplicationPaper(name=name, document=number) for name, number in made.papers],
        items=[_item(line) for line in found.lines],
        decided=found.decided,
        total=len(made.items),
        status=found.status,
        clock=_clock(found) if made.mode == THEME else None,
        applied_at=to_timestamp(made.applied_at),
        applied_by=made.applied_by,
        notice_sent_at=to_timestamp(sent) if sent else None,
        proposed=[
            pb.ItemCorrections(item_code=code, entries=entries)
            for code, entries in made.proposed.items()
            if call.principal.has_role(*_OFFICIALS)
        ],
    )


def _clock(found: Overview) -> pb.ThemeClock:
    clock, made = found.clock, found.application
    days = {
        name: day.isoformat() if day else ""
        for name, day in (
            ("started_on", clock.started_on),
            ("statutory_due", clock.statutory_due),
            ("target_due", clock.target_due),
        )
    }
    return pb.ThemeClock(
        limit_days=LIMIT_DAYS,
        extension_days=made.extension.days if made.extension else 0,
        target_working_days=made.target_working_days,
        basis=BASIS,
        **days,
    )


def _item(line: Line) -> pb.ApplicationItem:
    case = line.case or {}
    clock = case.get("clock", {})
    return pb.ApplicationItem(
        item_code=line.code,
        item_name=line.name,
        state=line.state,
        case_id=case.get("case_id", ""),
        outcome=case.get("outcome", ""),
        org=case.get("org", ""),
        committed_due=clock.get("committed_due") or "",
        statutory_due=clock.get("statutory_due") or "",
        waits_for=line.waits_for,
        reason=line.reason[0],
        reason_en=line.reason[1],
    )
