"""Sign-in over gRPC."""

from __future__ import annotations

import secrets
from uuid import UUID

from kaigong.identity.v1 import identity_pb2 as pb

from chassis.clock import MovableClock, system_clock
from chassis.identity import Principal
from chassis.rpc import Call, command, query, to_timestamp
from identity import usecases
from identity.domain import (
    ACCESS_LIFE,
)
from identity.edge.answers import tell_account, tell_permissions
from identity.edge.desk import Desk, own_id
from identity.store import AccountStore, KeyStore, SessionStore


class SignIns(Desk):
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
        account_id = own_id(call.principal)
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
        account = AccountStore(call.tx).get(own_id(call.principal))
        return pb.GetMeResponse(
            account=tell_account(account, call.now),
            permissions=tell_permissions(call.principal),
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
            own_id(call.principal),
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


def _fresh(call: Call) -> usecases.Fresh:
    return usecases.Fresh(call.new_id(), secrets.token_urlsafe(32))


def _session_of(principal: Principal) -> UUID | None:
    return UUID(principal.session) if principal.session else None
