"""Who answers by name, over gRPC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from kaigong.warning_dispatch.v1 import warning_dispatch_pb2 as pb

from chassis import regions
from chassis.calendar import local_day
from chassis.events import instant
from chassis.paging import page, token_after
from chassis.rpc import Call, command, query, read_date, read_uuid, to_timestamp
from warning_dispatch.domain import body_name
from warning_dispatch.domain.people import CONTACTS, KINDS, Authorisation, Post, on_duty
from warning_dispatch.edge.shared import Shared, caller_of, moment_before
from warning_dispatch.edge.words import name_of, value_of
from warning_dispatch.store import Ledger
from warning_dispatch.usecases import people as usecases

Row = sa.Row[Any]


class People(Shared):
    @command
    def RegisterPost(self, request: pb.RegisterPostRequest, call: Call) -> pb.RegisterPostResponse:
        wanted = usecases.Appointment(
            kind=name_of(pb.PostKind, request.kind),
            region=request.region,
            body=request.body,
            username=request.username,
            duty=request.duty,
            phone=request.phone,
        )
        made = usecases.register_post(
            Ledger(call.tx), wanted, caller_of(call), self._occasion(call)
        )
        return pb.RegisterPostResponse(post=_written(call, made, request.username))

    @command
    def EndPost(self, request: pb.EndPostRequest, call: Call) -> pb.EndPostResponse:
        ledger, post_id = Ledger(call.tx), read_uuid("post_id", request.post_id)
        ended = usecases.end_post(ledger, post_id, caller_of(call), self._occasion(call))
        username = ledger.deliveries.username_of(ended.account)
        return pb.EndPostResponse(post=_written(call, ended, username))

    @query
    def ListPosts(self, request: pb.ListPostsRequest, call: Call) -> pb.ListPostsResponse:
        wanted, ledger = page(request, width=2), Ledger(call.tx)
        rows = ledger.people.listed(
            call.principal.region_path,
            ended=request.ended,
            limit=wanted.size + 1,
            before=moment_before(wanted),
            kind=name_of(pb.PostKind, request.kind),
            region=request.region,
            body=request.body,
        )
        rows, more = rows[: wanted.size], len(rows) > wanted.size
        today = local_day(call.now)
        away = ledger.people.away([row.account for row in rows], today)
        answering = _answering(ledger, rows, call.now)
        return pb.ListPostsResponse(
            posts=[_told(row, row.username or "", away, answering) for row in rows],
            next_page_token=token_after(instant(rows[-1].registered_at), str(rows[-1].id))
            if more
            else "",
        )

    @query
    def ListVacancies(
        self, request: pb.ListVacanciesRequest, call: Call
    ) -> pb.ListVacanciesResponse:
        top = call.principal.region_path
        if request.region:
            asked = regions.path_of(request.region)
            top = asked if regions.within(asked, top) else top
        found = usecases.find_vacancies(Ledger(call.tx), top)
        return pb.ListVacanciesResponse(
            vacancies=[
                pb.Vacancy(
                    kind=value_of(pb.PostKind, each.kind),
                    region=each.region,
                    region_name=regions.name(each.region),
                    body=each.body,
                    body_name=body_name(each.body) if each.body else "",
                )
                for each in found
            ],
            counts=[
                pb.VacancyCount(
                    kind=value_of(pb.PostKind, kind), count=sum(each.kind == kind for each in found)
                )
                for kind in KINDS
            ],
            total_size=len(found),
        )

    @command
    def AuthoriseSigning(
        self, request: pb.AuthoriseSigningRequest, call: Call
    ) -> pb.AuthoriseSigningResponse:
        made = usecases.authorise_signing(
            Ledger(call.tx),
            request.deputy,
            caller_of(call),
            self._occasion(call),
            valid_from=read_date("valid_from", request.valid_from),
            valid_to=read_date("valid_to", request.valid_to),
            reason=request.reason,
        )
        _audit(call, made)
        return pb.AuthoriseSigningResponse(authorisation=_authorisation(made))

    @command
    def WithdrawSigning(
        self, request: pb.WithdrawSigningRequest, call: Call
    ) -> pb.WithdrawSigningResponse:
        authorisation_id = read_uuid("authorisation_id", request.authorisation_id)
        taken = usecases.withdraw_signing(
            Ledger(call.tx), authorisation_id, caller_of(call), self._occasion(call)
        )
        _audit(call, taken)
        return pb.WithdrawSigningResponse(authorisation=_authorisation(taken))

    @query
    def ListSigningAuthorisations(
        self, request: pb.ListSigningAuthorisationsRequest, call: Call
    ) -> pb.ListSigningAuthorisationsResponse:
        found = Ledger(call.tx).people.authorisations(call.principal.region_path)
        return pb.ListSigningAuthorisationsResponse(
            authorisations=[_authorisation(each) for each in found]
        )


def _answering(ledger: Ledger, rows: list[Row], now: datetime) -> set[str]:
    """Return the accounts that answer for these contacts' bodies today."""
    contacts = ledger.people.contacts_of({row.body for row in rows if row.body})
    accounts = {account for pair in contacts.values() for account in pair.values()}
    away = ledger.people.away(accounts, local_day(now))
    a, b = CONTACTS
    return {on_duty(pair.get(a, ""), pair.get(b, ""), away) for pair in contacts.values()}


def _written(call: Call, post: Post, username: str) -> pb.Post:
    call.audit(
        subject_type="post",
        subject_id=post.post_id,
        kind=post.kind,
        region=post.region,
        body=post.body,
        account=post.account,
    )
    told = _tell(post, username)
    told.post_id = str(post.post_id)
    return told


def _told(row: Row, username: str, away: set[str], answering: set[str]) -> pb.Post:
    told = _tell(row, username)
    told.post_id = str(row.id)
    if row.ended_at is None:
        told.away = row.account in away
        told.on_duty = row.kind in CONTACTS and row.account in answering
        told.vacant = not row.can_act
    return told


def _tell(post: Post | Row, username: str) -> pb.Post:
    return pb.Post(
        kind=value_of(pb.PostKind, post.kind),
        region=post.region,
        region_name=regions.name(post.region),
        body=post.body,
        body_name=body_name(post.body) if post.body else "",
        username=username,
        name=post.name,
        duty=post.duty,
        phone=post.phone,
        registered_at=to_timestamp(post.registered_at),
        registered_by_name=post.registered_by_name,
        ended_at=to_timestamp(post.ended_at),
        ended_by_name=post.ended_by_name,
    )


def _audit(call: Call, given: Authorisation) -> None:
    call.audit(
        subject_type="signing_authorisation",
        subject_id=given.authorisation_id,
        deputy=given.deputy,
        valid_from=given.valid_from.isoformat(),
        valid_to=given.valid_to.isoformat(),
    )


def _authorisation(given: Authorisation) -> pb.SigningAuthorisation:
    return pb.SigningAuthorisation(
        authorisation_id=str(given.authorisation_id),
        leader_name=given.leader_name,
        deputy_name=given.deputy_name,
        valid_from=given.valid_from.isoformat(),
        valid_to=given.valid_to.isoformat(),
        reason=given.reason,
        registered_at=to_timestamp(given.registered_at),
        withdrawn_at=to_timestamp(given.withdrawn_at),
    )
