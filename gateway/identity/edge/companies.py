"""Companies and mandates over gRPC."""

from __future__ import annotations

from uuid import UUID

from kaigong.identity.v1 import identity_pb2 as pb

from chassis import paging
from chassis.errors import FieldInvalid
from chassis.rpc import Call, command, query, read_date, read_uuid
from identity import queries, usecases
from identity.edge.answers import tell_company, tell_mandate
from identity.edge.desk import Desk, manager_of
from identity.store import AccountStore, CompanyStore


class Companies(Desk):
    @command
    def BindCompany(self, request: pb.BindCompanyRequest, call: Call) -> pb.BindCompanyResponse:
        mandate, account, before = usecases.bind_company(
            AccountStore(call.tx),
            CompanyStore(call.tx),
            manager_of(call.principal),
            code=request.uscc,
            name=request.name,
            region=request.region,
            legal_person=read_uuid("legal_person_account_id", request.legal_person_account_id),
            mandate_id=call.new_id(),
            now=call.now,
        )
        call.audit(subject_type="company", subject_id=request.uscc, legal_person=account.username)
        for each in (account, *before):
            self._void(call, each.id)
        row = CompanyStore(call.tx).get(request.uscc)
        return pb.BindCompanyResponse(
            company=tell_company(row), mandate=tell_mandate(mandate, account, call.now)
        )

    @query
    def ListCompanies(
        self, request: pb.ListCompaniesRequest, call: Call
    ) -> pb.ListCompaniesResponse:
        page = paging.page(request, width=1)
        rows = queries.list_companies(
            call.tx, manager_of(call.principal), page, search=request.search
        )
        given = rows[: page.size]
        return pb.ListCompaniesResponse(
            companies=[tell_company(row) for row in given],
            next_page_token=paging.token_after(given[-1].uscc) if len(rows) > page.size else "",
        )

    @query(transaction=True)
    def GetCompany(self, request: pb.GetCompanyRequest, call: Call) -> pb.GetCompanyResponse:
        company = CompanyStore(call.tx).get(request.uscc)
        manager_of(call.principal).check_company(uscc=company.uscc, region_path=company.region_path)
        call.audit(subject_type="company", subject_id=company.uscc)
        held = queries.mandates_of_company(call.tx, company.uscc)
        return pb.GetCompanyResponse(
            company=tell_company(company),
            mandates=[
                tell_mandate(mandate, row, call.now, row.account_id) for row, mandate in held
            ],
        )

    @command
    def AddDelegate(self, request: pb.AddDelegateRequest, call: Call) -> pb.AddDelegateResponse:
        mandate, account = usecases.add_delegate(
            AccountStore(call.tx),
            CompanyStore(call.tx),
            self._passwords,
            manager_of(call.principal),
            code=request.uscc,
            delegate=_delegate(request, call),
            starts_on=read_date("starts_on", request.starts_on),
            ends_on=read_date("ends_on", request.ends_on),
            projects=frozenset(request.project_ids) or None,
            mandate_id=call.new_id(),
            now=call.now,
        )
        call.audit(
            subject_type="account",
            subject_id=account.id,
            uscc=request.uscc,
            mandate_id=str(mandate.id),
            ends_on=request.ends_on,
        )
        self._void(call, account.id)
        return pb.AddDelegateResponse(mandate=tell_mandate(mandate, account, call.now))

    @command
    def RevokeMandate(
        self, request: pb.RevokeMandateRequest, call: Call
    ) -> pb.RevokeMandateResponse:
        mandate, account = usecases.revoke_mandate(
            AccountStore(call.tx),
            CompanyStore(call.tx),
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
            read_uuid("mandate_id", request.mandate_id),
            reason=request.reason,
            now=call.now,
        )
        call.audit(
            subject_type="account",
            subject_id=account.id,
            uscc=mandate.uscc,
            mandate_id=str(mandate.id),
            reason=request.reason,
        )
        self._void(call, account.id)
        return pb.RevokeMandateResponse(mandate=tell_mandate(mandate, account, call.now))


def _delegate(request: pb.AddDelegateRequest, call: Call) -> UUID | usecases.NewDelegate:
    """Read which of the two is meant: an account that exists, or one to open."""
    if request.account_id:
        if request.username:
            raise FieldInvalid(
                field="username",
                zh_why="account_id 与 username 只填其一",
                en_why="give either account_id or username",
            )
        return read_uuid("account_id", request.account_id)
    for field in ("username", "name", "initial_password"):
        if not getattr(request, field):
            raise FieldInvalid(
                field=field,
                zh_why="开立新账号须填写 (或填 account_id)",
                en_why="is needed to open an account, unless account_id is given",
            )
    return usecases.NewDelegate(
        call.new_id(), request.username, request.name, request.initial_password
    )
