"""A plan of one's own over gRPC: edits, and templates of a district."""

from __future__ import annotations

from collections.abc import Iterable

from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.plan_shape import OwnNode, PlanEdit
from approval_tracking.edge.cases import some_day
from approval_tracking.edge.items import UNITS
from approval_tracking.edge.plans import tell_plan
from approval_tracking.store import ProjectStore, Reference
from approval_tracking.store.plan_edits import PlanEditStore, Template
from approval_tracking.usecases import plan_edits as acts
from chassis.clock import Clock
from chassis.db import Database
from chassis.rpc import Call, command, query, read_uuid, to_timestamp

_UNIT_NAMES = {number: name for name, number in UNITS.items()}


class PlanEdits:
    db: Database
    now: Clock

    @command
    def EditPlan(self, request: pb.EditPlanRequest, call: Call) -> pb.EditPlanResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept, shape, edits = acts.edit_plan(
            ProjectStore(call.tx),
            Reference(call.tx),
            project_id,
            [_read(each, f"edits[{place}]") for place, each in enumerate(request.edits)],
            reason=request.reason,
            expected_edits=request.expected_edits,
            principal=call.principal,
            now=call.now,
        )
        call.audit(subject_type="plan", subject_id=project_id, edits=edits, reason=request.reason)
        return pb.EditPlanResponse(
            plan=tell_plan(kept), own_nodes=_nodes(shape.own.values()), edits=edits
        )

    @query(transaction=True)
    def ListPlanEdits(
        self, request: pb.ListPlanEditsRequest, call: Call
    ) -> pb.ListPlanEditsResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        store = PlanEditStore(call.tx)
        shape, edits = store.shape(project_id), store.edits(project_id)
        return pb.ListPlanEditsResponse(
            own_nodes=_nodes(shape.own.values()),
            removed=sorted(shape.removed),
            edits=[
                pb.PlanEditMade(
                    number=each.number,
                    edit=_edit(each.edit),
                    reason=each.reason,
                    by=each.by,
                    at=to_timestamp(each.at),
                )
                for each in reversed(edits)
            ],
        )

    @command
    def SavePlanTemplate(
        self, request: pb.SavePlanTemplateRequest, call: Call
    ) -> pb.SavePlanTemplateResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        template = acts.save_template(
            ProjectStore(call.tx),
            project_id,
            request.name,
            template_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        call.audit(subject_type="plan_template", subject_id=template.id, project=str(project_id))
        return pb.SavePlanTemplateResponse(template=_template(template))

    @query(transaction=True)
    def ListPlanTemplates(
        self, _: pb.ListPlanTemplatesRequest, call: Call
    ) -> pb.ListPlanTemplatesResponse:
        found = acts.templates_for(PlanEditStore(call.tx), call.principal.region_path)
        return pb.ListPlanTemplatesResponse(templates=[_template(each) for each in found])

    @command
    def ApplyPlanTemplate(
        self, request: pb.ApplyPlanTemplateRequest, call: Call
    ) -> pb.ApplyPlanTemplateResponse:
        project_id = read_uuid("project_id", request.project_id)
        queries.check_project(call.tx, project_id, call.scope)
        kept, shape, edits = acts.apply_template(
            ProjectStore(call.tx),
            Reference(call.tx),
            project_id,
            read_uuid("template_id", request.template_id),
            reason=request.reason,
            principal=call.principal,
            now=call.now,
        )
        call.audit(
            subject_type="plan", subject_id=project_id, edits=edits, template=request.template_id
        )
        return pb.ApplyPlanTemplateResponse(
            plan=tell_plan(kept), own_nodes=_nodes(shape.own.values())
        )


def _read(edit: pb.PlanEdit, field: str) -> PlanEdit:
    return PlanEdit(
        kind=pb.PlanEditKind.Name(edit.kind).removeprefix("PLAN_EDIT_KIND_").lower(),
        code=edit.code,
        name=edit.name,
        stage=edit.stage,
        days=edit.days,
        unit=_UNIT_NAMES.get(edit.unit, "working"),
        carrier=edit.carrier,
        after=tuple(dict.fromkeys(edit.after)),
        before=tuple(dict.fromkeys(edit.before)),
        done_on=some_day(f"{field}.done_on", edit.done_on),
    )


def _edit(edit: PlanEdit) -> pb.PlanEdit:
    return pb.PlanEdit(
        kind=pb.PlanEditKind.Value(f"PLAN_EDIT_KIND_{edit.kind.upper()}"),
        code=edit.code,
        name=edit.name,
        stage=edit.stage,
        days=edit.days,
        unit=UNITS[edit.unit],
        carrier=edit.carrier,
        after=edit.after,
        before=edit.before,
        done_on=str(edit.done_on or ""),
    )


def _nodes(nodes: Iterable[OwnNode]) -> list[pb.OwnNode]:
    return [
        pb.OwnNode(
            code=node.code,
            name=node.name,
            stage=node.stage,
            days=node.days,
            unit=UNITS[node.unit],
            carrier=node.carrier,
            after=node.after,
            before=node.before,
            done_on=str(node.done_on or ""),
        )
        for node in nodes
    ]


def _template(template: Template) -> pb.PlanTemplate:
    return pb.PlanTemplate(
        template_id=str(template.id),
        name=template.name,
        region=template.region,
        nodes=_nodes(template.nodes),
        made_by=template.made_by,
        made_at=to_timestamp(template.made_at),
    )
