"""The electronic licence 电子证照 that an approval yields, and what seals it."""

from __future__ import annotations

from approval_tracking.domain.case import Case
from approval_tracking.domain.case_record import APPROVED
from approval_tracking.domain.documents import DECISION
from approval_tracking.edge.documents import press_at
from approval_tracking.store import CaseStore
from approval_tracking.store.documents import DocumentStore
from approval_tracking.store.materials import MaterialStore
from approval_tracking.usecases import documents
from approval_tracking.usecases import materials as acts
from chassis.rpc import Call
from chassis.seal import Seal


def issue_licence(case: Case, call: Call, *, seal: Seal, public_url: str) -> None:
    """Put the licence that an approval yields into the library, with its decision as the file."""
    cases = CaseStore(call.tx)
    item = cases.reference.catalogue(case.catalogue).item(case.item_code)
    if case.outcome != APPROVED or not item.result_document:
        return
    decision = documents.case_document(
        DocumentStore(call.tx),
        cases,
        case.id,
        DECISION,
        0,
        press=press_at(public_url, call),
        principal=call.principal,
        now=call.now,
    )
    acts.issue_licence(
        cases.materials,
        case,
        item,
        decision,
        material_id=call.new_id(),
        sealing=sealing(seal, cases.materials, call),
        by=call.principal.account_id,
        now=call.now,
    )


def sealing(seal: Seal, materials: MaterialStore, call: Call) -> acts.Sealing:
    """Return what signs with the instance's newest key; the first use makes the first key."""
    keys = materials.seal_keys(lambda: seal.make(str(call.new_id()), call.now))
    return acts.Sealing(lambda statement: seal.sign(keys, statement))
