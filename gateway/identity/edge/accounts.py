"""Accounts over gRPC."""

from __future__ import annotations

from kaigong.identity.v1 import identity_pb2 as pb

from chassis import paging
from chassis.clock import system_clock
from chassis.rpc import Call, command, query, read_uuid
from identity import queries, usecases
from identity.edge.answers import tell_account, tell_listed
from identity.edge.desk import Desk, audit_account, manager_of
from identity.store import AccountStore, SessionStore


class Accounts(Desk):
    @command
    def CreateAccount(
        self, request: pb.CreateAccountRequest, call: Call
    ) -> pb.CreateAccountResponse:
        account = usecases.create_account(
            AccountStore(call.tx),
            self._passwords,
            manager_of(call.principal),
            account_id=call.new_id(),
            username=request.username,
            name=request.name,
            roles=request.roles,
            region=request.region,
            org=request.org,
            password=request.initial_password,
            now=call.now,
        )
        audit_account(call, account)
        return pb.CreateAccountResponse(account=tell_account(account, call.now))

    @query(transaction=True)
    def ListAccounts(self, request: pb.ListAccountsRequest, call: Call) -> pb.ListAccountsResponse:
        page = paging.page(request, width=1)
        rows = queries.list_accounts(
            call.tx,
            manager_of(call.principal),
            page,
            search=request.search,
            role=request.role,
            region=request.region,
            uscc=request.uscc,
            now=call.now,
        )
        given = rows[: page.size]
        call.audit(subject_type="account", subject_id="", given=len(given))
        return pb.ListAccountsResponse(
            accounts=[tell_listed(row, companies) for row, companies in given],
            next_page_token=paging.token_after(given[-1][0].username)
            if len(rows) > page.size
            else "",
        )

    @query(transaction=True)
    def GetAccount(self, request: pb.GetAccountRequest, call: Call) -> pb.GetAccountResponse:
        account = usecases.managed(
            AccountStore(call.tx),
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
        )
        call.audit(subject_type="account", subject_id=account.id)
        return pb.GetAccountResponse(account=tell_account(account, call.now))

    @command
    def UpdateAccount(
        self, request: pb.UpdateAccountRequest, call: Call
    ) -> pb.UpdateAccountResponse:
        account, changed = usecases.update_account(
            AccountStore(call.tx),
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
            name=request.name,
            roles=request.roles,
            region=request.region,
            org=request.org,
            expected_version=request.expected_version,
            now=call.now,
        )
        audit_account(call, account)
        if changed:
            self._void(call, account.id)
        return pb.UpdateAccountResponse(account=tell_account(account, call.now))

    @command
    def ResetPassword(
        self, request: pb.ResetPasswordRequest, call: Call
    ) -> pb.ResetPasswordResponse:
        account = usecases.reset_password(
            AccountStore(call.tx),
            SessionStore(call.tx),
            self._passwords,
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
            request.new_password,
            now=call.now,
            real=system_clock(),
        )
        call.audit(subject_type="account", subject_id=account.id, username=account.username)
        self._void(call, account.id)
        return pb.ResetPasswordResponse()

    @command
    def DisableAccount(
        self, request: pb.DisableAccountRequest, call: Call
    ) -> pb.DisableAccountResponse:
        account = usecases.disable_account(
            AccountStore(call.tx),
            SessionStore(call.tx),
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
            expected_version=request.expected_version,
            now=call.now,
            real=system_clock(),
        )
        audit_account(call, account, reason=request.reason)
        self._void(call, account.id)
        return pb.DisableAccountResponse(account=tell_account(account, call.now))

    @command
    def EnableAccount(
        self, request: pb.EnableAccountRequest, call: Call
    ) -> pb.EnableAccountResponse:
        account = usecases.enable_account(
            AccountStore(call.tx),
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
            expected_version=request.expected_version,
            now=call.now,
        )
        audit_account(call, account)
        return pb.EnableAccountResponse(account=tell_account(account, call.now))

    @command
    def LinkOidc(self, request: pb.LinkOidcRequest, call: Call) -> pb.LinkOidcResponse:
        account = usecases.link_oidc(
            AccountStore(call.tx),
            manager_of(call.principal),
            read_uuid("account_id", request.account_id),
            issuer=self._unified().client.issuer,
            subject=request.subject,
            now=call.now,
        )
        audit_account(call, account, subject=request.subject)
        return pb.LinkOidcResponse(account=tell_account(account, call.now))
