"""The gRPC edge of identity."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from kaigong.identity.v1 import identity_pb2 as pb
from kaigong.identity.v1 import identity_pb2_grpc as pb_grpc

from chassis import ids, paging
from chassis.clock import Clock, MovableClock, system_clock
from chassis.db import Database
from chassis.errors import ClockNotMovable, DomainError, FieldInvalid
from chassis.identity import Principal, matrix
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from identity import queries, usecases
from identity.domain import (
    ACCESS_LIFE,
    LEAD,
    Account,
    ClockOffset,
    Manager,
    Mandate,
    MandateKind,
    MandateState,
    SigningKey,
    errors,
    signing,
)
from identity.oidc import Provider
from identity.passwords import Passwords
from identity.spread import Spread
from identity.store import AccountStore, ClockStore, CompanyStore, KeyStore, SessionStore
from identity.tokens import Signer, Voids

_KINDS = {
    MandateKind.LEGAL_PERSON: pb.MANDATE_KIND_LEGAL_PERSON,
    MandateKind.DELEGATE: pb.MANDATE_KIND_DELEGATE,
}
_STATES = {
    MandateState.FUTURE: pb.MANDATE_STATE_FUTURE,
    MandateState.VALID: pb.MANDATE_STATE_VALID,
    MandateState.EXPIRED: pb.MANDATE_STATE_EXPIRED,
    MandateState.REVOKED: pb.MANDATE_STATE_REVOKED,
}


class Identity(pb_grpc.IdentityServiceServicer):
    """Sign-in and sessions live in real time; authority and the facts told in the domain's."""

    def __init__(
        self,
        db: Database,
        now: Clock,
        *,
        signer: Signer,
        passwords: Passwords,
        voids: Voids,
        provider: Provider | None,
        spread: Spread,
    ) -> None:
        self.db, self.now = db, now
        self._signer, self._passwords, self._voids = signer, passwords, voids
        self._provider, self._spread = provider, spread

    # --- Sign-in -----------------------------------------------------------------------------

    @command
    def SignIn(self, request: pb.SignInRequest, call: Call) -> pb.SignInResponse:
        outcome = usecases.sign_in(
            AccountStore(call.tx),
            SessionStore(call.tx),
            self._passwords,
            username=request.username,
            password=request.password,
            new_password=request.new_password,
            fresh=_fresh(call),
            now=call.now,
            real=system_clock(),
        )
        return pb.SignInResponse(session=self._session(call, outcome, username=request.username))

    @command
    def Refresh(self, request: pb.RefreshRequest, call: Call) -> pb.RefreshResponse:
        outcome = usecases.refresh(
            AccountStore(call.tx),
            SessionStore(call.tx),
            token=request.refresh_token,
            secret=secrets.token_urlsafe(32),
            real=system_clock(),
        )
        return pb.RefreshResponse(session=self._session(call, outcome))

    @command
    def SignOut(self, request: pb.SignOutRequest, call: Call) -> pb.SignOutResponse:
        account_id = _self(call.principal)
        session = None if request.everywhere else _session_of(call.principal)
        usecases.sign_out(SessionStore(call.tx), account_id, session, real=system_clock())
        call.audit(subject_type="account", subject_id=account_id, everywhere=request.everywhere)
        if request.everywhere:
            self._void(call, account_id)
        return pb.SignOutResponse()

    @query
    def StartOidcSignIn(
        self, request: pb.StartOidcSignInRequest, call: Call
    ) -> pb.StartOidcSignInResponse:
        address, state = self._unified().start()
        return pb.StartOidcSignInResponse(redirect_url=address, state=state)

    @command
    def FinishOidcSignIn(
        self, request: pb.FinishOidcSignInRequest, call: Call
    ) -> pb.FinishOidcSignInResponse:
        provider = self._unified()
        # Nothing has been sent to the database yet, so the provider may take its time.
        subject = provider.finish(code=request.code, state=request.state)
        outcome = usecases.sign_in_by_oidc(
            AccountStore(call.tx),
            SessionStore(call.tx),
            issuer=provider.client.issuer,
            subject=subject,
            fresh=_fresh(call),
            real=system_clock(),
        )
        return pb.FinishOidcSignInResponse(session=self._session(call, outcome, subject=subject))

    @query(transaction=True)
    def GetMe(self, request: pb.GetMeRequest, call: Call) -> pb.GetMeResponse:
        account = AccountStore(call.tx).get(_self(call.principal))
        return pb.GetMeResponse(
            account=_account(account, call.now),
            permissions=_permissions(call.principal),
            now=to_timestamp(call.now),
            clock_movable=isinstance(self.now, MovableClock),
        )

    @command
    def ChangePassword(
        self, request: pb.ChangePasswordRequest, call: Call
    ) -> pb.ChangePasswordResponse:
        outcome = usecases.change_password(
            AccountStore(call.tx),
            SessionStore(call.tx),
            self._passwords,
            _self(call.principal),
            session_id=_session_of(call.principal),
            old=request.old_password,
            new=request.new_password,
            now=call.now,
            real=system_clock(),
        )
        if isinstance(outcome, usecases.Refused):
            self._refuse(call, outcome)
            return pb.ChangePasswordResponse()
        call.audit(subject_type="account", subject_id=outcome.id)
        self._void(call, outcome.id)
        return pb.ChangePasswordResponse()

    # --- Accounts ----------------------------------------------------------------------------

    @command
    def CreateAccount(
        self, request: pb.CreateAccountRequest, call: Call
    ) -> pb.CreateAccountResponse:
        account = usecases.create_account(
            AccountStore(call.tx),
            self._passwords,
            _manager(call.principal),
            account_id=call.new_id(),
            username=request.username,
            name=request.name,
            roles=request.roles,
            region=request.region,
            org=request.org,
            password=request.initial_password,
            now=call.now,
        )
        _audit_account(call, account)
        return pb.CreateAccountResponse(account=_account(account, call.now))

    @query(transaction=True)
    def ListAccounts(self, request: pb.ListAccountsRequest, call: Call) -> pb.ListAccountsResponse:
        page = paging.page(request, width=1)
        rows = queries.list_accounts(
            call.tx,
            _manager(call.principal),
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
            accounts=[_listed(row, companies) for row, companies in given],
            next_page_token=paging.token_after(given[-1][0].username)
            if len(rows) > page.size
            else "",
        )

    @query(transaction=True)
    def GetAccount(self, request: pb.GetAccountRequest, call: Call) -> pb.GetAccountResponse:
        account = usecases.managed(
            AccountStore(call.tx),
            _manager(call.principal),
            read_uuid("account_id", request.account_id),
        )
        call.audit(subject_type="account", subject_id=account.id)
        return pb.GetAccountResponse(account=_account(account, call.now))

    @command
    def UpdateAccount(
        self, request: pb.UpdateAccountRequest, call: Call
    ) -> pb.UpdateAccountResponse:
        account, changed = usecases.update_account(
            AccountStore(call.tx),
            _manager(call.principal),
            read_uuid("account_id", request.account_id),
            name=request.name,
            roles=request.roles,
            region=request.region,
            org=request.org,
            expected_version=request.expected_version,
            now=call.now,
        )
        _audit_account(call, account)
        if changed:
            self._void(call, account.id)
        return pb.UpdateAccountResponse(account=_account(account, call.now))

    @command
    def ResetPassword(
        self, request: pb.ResetPasswordRequest, call: Call
    ) -> pb.ResetPasswordResponse:
        account = usecases.reset_password(
            AccountStore(call.tx),
            SessionStore(call.tx),
            self._passwords,
            _manager(call.principal),
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
            _manager(call.principal),
            read_uuid("account_id", request.account_id),
            expected_version=request.expected_version,
            now=call.now,
            real=system_clock(),
        )
        _audit_account(call, account, reason=request.reason)
        self._void(call, account.id)
        return pb.DisableAccountResponse(account=_account(account, call.now))

    @command
    def EnableAccount(
        self, request: pb.EnableAccountRequest, call: Call
    ) -> pb.EnableAccountResponse:
        account = usecases.enable_account(
            AccountStore(call.tx),
            _manager(call.principal),
            read_uuid("account_id", request.account_id),
            expected_version=request.expected_version,
            now=call.now,
        )
        _audit_account(call, account)
        return pb.EnableAccountResponse(account=_account(account, call.now))

    @command
    def LinkOidc(self, request: pb.LinkOidcRequest, call: Call) -> pb.LinkOidcResponse:
        account = usecases.link_oidc(
            AccountStore(call.tx),
            _manager(call.principal),
            read_uuid("account_id", request.account_id),
            issuer=self._unified().client.issuer,
            subject=request.subject,
            now=call.now,
        )
        _audit_account(call, account, subject=request.subject)
        return pb.LinkOidcResponse(account=_account(account, call.now))

    # --- Companies ---------------------------------------------------------------------------

    @command
    def BindCompany(self, request: pb.BindCompanyRequest, call: Call) -> pb.BindCompanyResponse:
        mandate, account, before = usecases.bind_company(
            AccountStore(call.tx),
            CompanyStore(call.tx),
            _manager(call.principal),
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
            company=_company(row), mandate=_mandate(mandate, account, call.now)
        )

    @query
    def ListCompanies(
        self, request: pb.ListCompaniesRequest, call: Call
    ) -> pb.ListCompaniesResponse:
        page = paging.page(request, width=1)
        rows = queries.list_companies(
            call.tx, _manager(call.principal), page, search=request.search
        )
        given = rows[: page.size]
        return pb.ListCompaniesResponse(
            companies=[_company(row) for row in given],
            next_page_token=paging.token_after(given[-1].uscc) if len(rows) > page.size else "",
        )

    @query(transaction=True)
    def GetCompany(self, request: pb.GetCompanyRequest, call: Call) -> pb.GetCompanyResponse:
        company = CompanyStore(call.tx).get(request.uscc)
        _manager(call.principal).check_company(uscc=company.uscc, region_path=company.region_path)
        call.audit(subject_type="company", subject_id=company.uscc)
        held = queries.mandates_of_company(call.tx, company.uscc)
        return pb.GetCompanyResponse(
            company=_company(company),
            mandates=[_mandate(mandate, row, call.now, row.account_id) for row, mandate in held],
        )

    @command
    def AddDelegate(self, request: pb.AddDelegateRequest, call: Call) -> pb.AddDelegateResponse:
        mandate, account = usecases.add_delegate(
            AccountStore(call.tx),
            CompanyStore(call.tx),
            self._passwords,
            _manager(call.principal),
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
        return pb.AddDelegateResponse(mandate=_mandate(mandate, account, call.now))

    @command
    def RevokeMandate(
        self, request: pb.RevokeMandateRequest, call: Call
    ) -> pb.RevokeMandateResponse:
        mandate, account = usecases.revoke_mandate(
            AccountStore(call.tx),
            CompanyStore(call.tx),
            _manager(call.principal),
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
        return pb.RevokeMandateResponse(mandate=_mandate(mandate, account, call.now))

    # --- Audit, keys, clock ------------------------------------------------------------------

    @query
    def ListAuditLines(
        self, request: pb.ListAuditLinesRequest, call: Call
    ) -> pb.ListAuditLinesResponse:
        page = paging.page(request, width=1)
        rows = queries.list_audit_lines(
            call.tx,
            page,
            account_id=request.account_id,
            subject_id=request.subject_id,
            from_day=read_date("from_day", request.from_day) if request.from_day else None,
            to_day=read_date("to_day", request.to_day) if request.to_day else None,
        )
        given = rows[: page.size]
        call.audit(subject_type="audit", subject_id="", given=len(given))
        return pb.ListAuditLinesResponse(
            lines=[_line(row) for row in given],
            next_page_token=paging.token_after(given[-1].id) if len(rows) > page.size else "",
        )

    @query
    def ListSigningKeys(
        self, request: pb.ListSigningKeysRequest, call: Call
    ) -> pb.ListSigningKeysResponse:
        real = system_clock()
        keys = KeyStore(call.tx).all()
        signs = signing(keys, real)
        return pb.ListSigningKeysResponse(
            keys=[_key(key, signs) for key in keys if key.is_published(real)]
        )

    @command
    def RotateSigningKey(
        self, request: pb.RotateSigningKeyRequest, call: Call
    ) -> pb.RotateSigningKeyResponse:
        key = usecases.rotate_key(
            KeyStore(call.tx),
            self._make_key,
            real=system_clock(),
            lead=timedelta(seconds=request.lead_seconds) if request.lead_seconds else LEAD,
        )
        call.audit(subject_type="signing_key", subject_id=key.id)
        return pb.RotateSigningKeyResponse(key=_key(key, None))

    @command
    def RemoveSigningKey(
        self, request: pb.RemoveSigningKeyRequest, call: Call
    ) -> pb.RemoveSigningKeyResponse:
        usecases.remove_key(KeyStore(call.tx), self._make_key, request.key_id, real=system_clock())
        call.audit(subject_type="signing_key", subject_id=request.key_id)
        return pb.RemoveSigningKeyResponse()

    @query
    def GetClock(self, request: pb.GetClockRequest, call: Call) -> pb.GetClockResponse:
        self._check_movable()
        offset = ClockStore(call.tx).get()
        return pb.GetClockResponse(
            now=to_timestamp(offset.now(system_clock())),
            generation=offset.generation,
            offset_seconds=offset.seconds,
        )

    @command
    def _move_clock(self, request: pb.AdvanceClockRequest, call: Call) -> pb.AdvanceClockResponse:
        to_given = request.WhichOneof("target") == "to"
        real = system_clock()
        offset = usecases.advance_clock(
            ClockStore(call.tx),
            to=_instant(request.to) if to_given else None,
            by=None if to_given else timedelta(seconds=request.seconds),
            who=call.principal.username,
            real=real,
        )
        call.audit(
            subject_type="clock", subject_id=offset.generation, offset_seconds=offset.seconds
        )
        return pb.AdvanceClockResponse(
            now=to_timestamp(offset.now(real)), generation=offset.generation
        )

    def AdvanceClock(
        self, request: pb.AdvanceClockRequest, context: Any
    ) -> pb.AdvanceClockResponse:
        """Move, commit, and wait for everybody: a repeated request waits again, but moves once."""
        self._check_movable()
        moved = self._move_clock(request, context)
        with self.db.read() as connection:
            offset: ClockOffset = ClockStore(connection).get()
        self._spread.to_all(offset, patience=context.time_remaining())
        return moved

    # --- What several need -------------------------------------------------------------------

    def _check_movable(self) -> None:
        if not isinstance(self.now, MovableClock):
            raise ClockNotMovable

    def _unified(self) -> Provider:
        if self._provider is None:
            raise errors.OidcNotConfigured
        return self._provider

    def _make_key(self, active_from: datetime) -> SigningKey:
        return self._signer.make(str(ids.new_id()), at=system_clock(), active_from=active_from)

    def _session(
        self, call: Call, outcome: usecases.SignedIn | usecases.Refused, **detail: str
    ) -> pb.Session | None:
        if isinstance(outcome, usecases.Refused):
            self._refuse(call, outcome, **detail)
            return None
        real = system_clock()
        key = usecases.ensure_key(KeyStore(call.tx), self._make_key, real=real)
        account, session = outcome.account, outcome.session
        claims = account.claims(session_id=session.id, now=call.now)
        call.audit(
            subject_type="account",
            subject_id=account.id,
            username=account.username,
            session=str(session.id),
            by=session.method,
        )
        return pb.Session(
            access_token=self._signer.sign(key, claims, at=real),
            expires_at=to_timestamp(real + ACCESS_LIFE),
            refresh_token=outcome.refresh_token,
            refresh_expires_at=to_timestamp(outcome.refresh_until),
        )

    def _refuse(self, call: Call, refused: usecases.Refused, **detail: str) -> None:
        """Say no after what was written down (a counted failure, an ended session) is committed."""
        call.audit(
            subject_type="account",
            subject_id=refused.account_id,
            refused=refused.error.reason(),
            **detail,
        )
        if refused.voids:
            self._void(call, UUID(refused.account_id))
        call.after_commit(lambda: _raise(refused.error))

    def _void(self, call: Call, account_id: UUID) -> None:
        """Void the account's tokens as of now: what is issued after this moment stands."""
        moment = system_clock()
        call.after_commit(lambda: self._voids.tell(str(account_id), moment))


def _raise(error: DomainError) -> None:
    raise error


def _fresh(call: Call) -> usecases.Fresh:
    return usecases.Fresh(call.new_id(), secrets.token_urlsafe(32))


def _self(principal: Principal) -> UUID:
    return UUID(principal.account_id)


def _session_of(principal: Principal) -> UUID | None:
    return UUID(principal.session) if principal.session else None


def _manager(principal: Principal) -> Manager:
    return Manager(
        account_id=principal.account_id,
        roles=principal.roles,
        region_path=principal.region_path,
        companies=principal.companies,
    )


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


def _instant(stamp: Any) -> datetime:
    try:
        read: datetime = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(
            field="to", zh_why="不是有效的时刻", en_why="is not an instant"
        ) from error
    return read


def _audit_account(call: Call, account: Account, **detail: str) -> None:
    call.audit(
        subject_type="account",
        subject_id=account.id,
        username=account.username,
        roles=",".join(sorted(account.roles)),
        region=account.region,
        org=account.org,
        active=account.active,
        **detail,
    )


# --- Answers ---------------------------------------------------------------------------------


def _account(account: Account, now: datetime) -> pb.Account:
    return pb.Account(
        account_id=str(account.id),
        version=account.version,
        username=account.username,
        name=account.name,
        roles=sorted(account.roles),
        region=account.region,
        region_path=account.region_path,
        org=account.org,
        companies=sorted(account.companies(now)),
        active=account.active,
        must_change_password=account.must_change_password,
        oidc_subject=account.oidc_subject,
        created_at=to_timestamp(account.created_at),
        mandates=[_mandate(mandate, account, now) for mandate in account.mandates.values()],
    )


def _listed(row: sa.Row[Any], companies: Iterable[str]) -> pb.Account:
    return pb.Account(
        account_id=str(row.id),
        version=row.version,
        username=row.username,
        name=row.name,
        roles=row.roles,
        region=row.region,
        region_path=row.region_path,
        org=row.org,
        companies=sorted(companies),
        active=row.active,
        must_change_password=row.must_change_password,
        oidc_subject=row.oidc_subject,
        created_at=to_timestamp(row.created_at),
    )


def _mandate(
    mandate: Mandate, holder: Account | sa.Row[Any], now: datetime, account_id: UUID | None = None
) -> pb.Mandate:
    return pb.Mandate(
        mandate_id=str(mandate.id),
        account_id=str(account_id or holder.id),
        username=holder.username,
        name=holder.name,
        uscc=mandate.uscc,
        kind=_KINDS[mandate.kind],
        state=_STATES[mandate.state(now)],
        project_ids=sorted(mandate.projects or ()),
        starts_on=mandate.starts_on.isoformat(),
        ends_on=mandate.ends_on.isoformat() if mandate.ends_on else "",
        revoke_reason=mandate.revoke_reason,
    )


def _company(row: sa.Row[Any]) -> pb.Company:
    return pb.Company(uscc=row.uscc, name=row.name, region=row.region, region_path=row.region_path)


def _line(row: sa.Row[Any]) -> pb.AuditLine:
    detail: Mapping[str, Any] = row.detail
    return pb.AuditLine(
        id=str(row.id),
        at=to_timestamp(row.at),
        account_id=row.account,
        username=row.username,
        method=row.method,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        request_id=row.request_id,
        detail={name: str(value) for name, value in detail.items()},
        hash=row.hash.hex() if row.hash else "",
    )


def _key(key: SigningKey, signs: SigningKey | None) -> pb.SigningKey:
    return pb.SigningKey(
        key_id=key.id,
        created_at=to_timestamp(key.created_at),
        active_from=to_timestamp(key.active_from),
        published_until=to_timestamp(key.published_until),
        signs=key == signs,
    )


def _permissions(principal: Principal) -> list[pb.Permission]:
    held: dict[int, list[int]] = {}
    for (function, right), holders in sorted(matrix().items()):
        if not principal.roles.isdisjoint(holders):
            held.setdefault(function, []).append(right)
    return [
        pb.Permission(function=function, rights=rights)  # type: ignore[arg-type]
        for function, rights in held.items()
    ]
