"""The electronic material library 电子材料库, signatures, and archives of cases, over gRPC."""

from __future__ import annotations

import hashlib
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from google.api import httpbody_pb2
from kaigong.approval_tracking.v1 import approval_tracking_pb2 as pb

from approval_tracking import queries
from approval_tracking.domain.material_errors import OtherContentSigned
from approval_tracking.domain.materials import Material
from approval_tracking.edge.cases import some_day
from approval_tracking.edge.documents import press_at
from approval_tracking.edge.licences import sealing
from approval_tracking.store import CaseStore, Project, ProjectStore
from approval_tracking.store.documents import DocumentStore
from approval_tracking.store.materials import MaterialStore, place_of
from approval_tracking.usecases import archives
from approval_tracking.usecases import materials as acts
from approval_tracking.usecases.admission import applying
from chassis.archives import ARCHIVE_TYPE, pack
from chassis.calendar import local_day
from chassis.clock import Clock
from chassis.db import Database
from chassis.errors import OutOfScope, PageTokenInvalid
from chassis.evidence import evidence
from chassis.objects import ObjectStore
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_uuid, to_timestamp
from chassis.seal import Seal

_OF_A_BODY = ("A2", "A3", "A4")

# What of a document lies in files of its own, or is long.
_BULKY = ("file", "content")


class Materials:
    db: Database
    now: Clock
    objects: ObjectStore
    seal: Seal
    public_url: str

    @command
    def AddMaterial(self, request: pb.AddMaterialRequest, call: Call) -> pb.AddMaterialResponse:
        project = ProjectStore(call.tx).get(read_uuid("project_id", request.project_id))
        applying(call.principal, project)
        content = request.file.data
        material = acts.add(
            MaterialStore(call.tx),
            project,
            acts.Upload(
                title=request.title,
                file_name=request.file_name,
                content=content,
                company_wide=request.company_wide,
                valid_until=some_day("valid_until", request.valid_until),
            ),
            material_id=call.new_id(),
            principal=call.principal,
            now=call.now,
        )
        # Before the commit: a row never dangles. What a failed commit leaves is an orphan object.
        self.objects.put(material.object_key, content)
        return pb.AddMaterialResponse(material=_audited(material, call))

    @query(transaction=True)
    def ListMaterials(
        self, request: pb.ListMaterialsRequest, call: Call
    ) -> pb.ListMaterialsResponse:
        project, wanted = _readable(request.project_id, call), page(request, width=3)
        found = MaterialStore(call.tx).listed(
            project.id,
            project.uscc,
            size=wanted.size + 1,
            title=request.title,
            history=request.history,
            after=_place(*wanted.after) if wanted.after else None,
        )
        given, token = found[: wanted.size], ""
        if len(found) > len(given):
            later, name, material_id = place_of(given[-1])
            token = token_after(later, name, str(material_id))
        return pb.ListMaterialsResponse(
            materials=[tell_material(each, call.now) for each in given], next_page_token=token
        )

    @query(transaction=True)
    def DownloadMaterial(
        self, request: pb.DownloadMaterialRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        project = _readable(request.project_id, call)
        materials = MaterialStore(call.tx)
        material = _of(materials, project, request.material_id)
        call.audit(subject_type="material", subject_id=material.id, title=material.title)
        name = quote(material.file_name or material.title, safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(
            content_type=material.media_type, data=self._read(materials, material)
        )

    @command
    def WithdrawMaterial(
        self, request: pb.WithdrawMaterialRequest, call: Call
    ) -> pb.WithdrawMaterialResponse:
        project = ProjectStore(call.tx).get(read_uuid("project_id", request.project_id))
        applying(call.principal, project)
        materials = MaterialStore(call.tx)
        material = _of(materials, project, request.material_id, lock=True)
        acts.withdraw(materials, material, request.reason, principal=call.principal, now=call.now)
        told = _audited(material, call, reason=request.reason)
        return pb.WithdrawMaterialResponse(material=told)

    @command
    def SignMaterial(self, request: pb.SignMaterialRequest, call: Call) -> pb.SignMaterialResponse:
        project = ProjectStore(call.tx).get(read_uuid("project_id", request.project_id))
        applying(call.principal, project)
        materials = MaterialStore(call.tx)
        material = _of(materials, project, request.material_id, lock=True)
        if request.sha256 != material.sha256:
            raise OtherContentSigned(field="sha256")
        acts.sign(
            materials,
            material,
            sealing=sealing(self.seal, materials, call),
            principal=call.principal,
            now=call.now,
        )
        told = _audited(material, call, signature=material.signatures[-1].signature)
        return pb.SignMaterialResponse(material=told)

    @query(transaction=True)
    def ListSealKeys(self, _: pb.ListSealKeysRequest, call: Call) -> pb.ListSealKeysResponse:
        return pb.ListSealKeysResponse(
            keys=[
                pb.SealKey(
                    key_id=each.id,
                    public_key=each.public_key,
                    created_at=to_timestamp(each.created_at),
                )
                for each in MaterialStore(call.tx).known_keys()
            ]
        )

    @command
    def DownloadCaseArchive(
        self, request: pb.DownloadCaseArchiveRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        case_id = read_uuid("case_id", request.case_id)
        row = queries.find_case(call.tx, case_id, call.scope)
        cases = CaseStore(call.tx)
        kept = cases.materials.archive(case_id, row.version)
        file = self.objects.get(kept.object_key) if kept else self._archive(cases, case_id, call)
        call.audit(
            subject_type="case",
            subject_id=case_id,
            archive=hashlib.sha256(file).hexdigest(),
        )
        name = quote(f"归档-{row.record['receipt_number']}.zip", safe="")
        call.header("content-disposition", f"attachment; filename*=UTF-8''{name}")
        return httpbody_pb2.HttpBody(content_type=ARCHIVE_TYPE, data=file)

    @command
    def GetCaseEvidence(
        self, request: pb.GetCaseEvidenceRequest, call: Call
    ) -> httpbody_pb2.HttpBody:
        case_id = read_uuid("case_id", request.case_id)
        row = queries.find_case(call.tx, case_id, call.scope)
        materials = MaterialStore(call.tx)
        keys = materials.seal_keys(lambda: self.seal.make(str(call.new_id()), call.now))
        name = f"证据-{row.record['receipt_number']}"
        documents = [
            {each: str(value) for each, value in issued._mapping.items() if each not in _BULKY}
            for issued in queries.documents_of(call.tx, case_id)
        ]
        file = evidence(
            call.tx,
            f"{name}.zip",
            {"kind": "case", "id": str(case_id)},
            {"state.json": row.state, "record.json": row.record, "documents.json": documents},
            {str(case_id)},
            self.objects,
            heads=(),
            sign=lambda text: self.seal.sign(keys, text),
            public_key=keys[-1].public_key,
        )
        call.audit(subject_type="evidence", subject_id=f"case/{case_id}")
        call.header(
            "content-disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}.zip"
        )
        return httpbody_pb2.HttpBody(content_type=ARCHIVE_TYPE, data=file)

    def _archive(self, cases: CaseStore, case_id: UUID, call: Call) -> bytes:
        case, files, about = archives.gather(
            cases,
            DocumentStore(call.tx),
            case_id,
            read=lambda material: self._read(cases.materials, material),
            press=press_at(self.public_url, call),
            principal=call.principal,
            now=call.now,
        )
        # Two who ask at once: the second waits for the case's lock and finds the first one's.
        kept = cases.materials.archive(case_id, case.version)
        if kept is not None:
            return self.objects.get(kept.object_key)
        file = pack(files, about, sealing(self.seal, cases.materials, call).sign)
        key = f"archives/{case_id}/{case.version}.zip"
        self.objects.put(key, file)
        cases.materials.keep_archive(
            case_id,
            case.version,
            digest=hashlib.sha256(file).hexdigest(),
            object_key=key,
            by=call.principal.account_id,
            now=call.now,
        )
        return file

    def _read(self, materials: MaterialStore, material: Material) -> bytes:
        if material.document_id:
            return materials.file_of_document(material.document_id)
        return self.objects.get(material.object_key)


def tell_material(material: Material, now: datetime) -> pb.Material:
    standing = material.standing(local_day(now))
    return pb.Material(
        material_id=str(material.id),
        title=material.title,
        version=material.version,
        source=pb.MaterialSource.Value(f"MATERIAL_SOURCE_{material.source.upper()}"),
        standing=pb.MaterialStanding.Value(f"MATERIAL_STANDING_{standing.upper()}"),
        uscc=material.uscc,
        project_id=str(material.project_id),
        company_wide=material.company_wide,
        file_name=material.file_name,
        media_type=material.media_type,
        bytes=material.size,
        sha256=material.sha256,
        valid_until=str(material.valid_until or ""),
        put_in_by=material.put_in_by,
        put_in_at=to_timestamp(material.put_in_at),
        number=material.number,
        issuer=material.issuer,
        case_id=str(material.case_id or ""),
        ended_by=material.ended_by,
        ended_why=material.ended_why,
        signatures=[
            pb.MaterialSignature(
                statement=each.statement,
                signed_by=each.signed_by,
                on_behalf_of=each.on_behalf_of,
                signed_at=to_timestamp(each.signed_at),
                key_id=each.key_id,
                signature=each.signature,
            )
            for each in material.signatures
        ],
    )


def _readable(project_id: str, call: Call) -> Project:
    """Return a project whose papers the caller may read: a department only with a case of it."""
    wanted = read_uuid("project_id", project_id)
    queries.check_project(call.tx, wanted, call.scope)
    who = call.principal
    if who.has_role(*_OF_A_BODY) and not queries.has_case_at(call.tx, wanted, who.org):
        raise OutOfScope
    return ProjectStore(call.tx).get(wanted)


def _of(
    materials: MaterialStore, project: Project, material_id: str, *, lock: bool = False
) -> Material:
    wanted = read_uuid("material_id", material_id)
    return materials.get(wanted, project_id=project.id, uscc=project.uscc, lock=lock)


def _audited(material: Material, call: Call, **detail: str) -> pb.Material:
    call.audit(
        subject_type="material",
        subject_id=material.id,
        project=str(material.project_id),
        title=material.title,
        version=material.version,
        sha256=material.sha256,
        **detail,
    )
    return tell_material(material, call.now)


def _place(later: object, name: object, material_id: object) -> tuple[bool, str, UUID]:
    try:
        return later is True, str(name), UUID(str(material_id))
    except ValueError as error:
        raise PageTokenInvalid(field="page_token") from error
