"""What the menu of services and its agreements refuse."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)


class AgreementUnknown(NotFound):
    zh = "没有服务约定 {agreement_id}"
    en = "no service agreement {agreement_id}"


class ServiceNotOffered(InvalidArgument):
    zh = "服务菜单中没有 {code}, 可选: {known}"
    en = "the menu has no service {code}, only: {known}"


class AgreedAlready(AlreadyExists):
    zh = "服务约定书 {number} 已约定相同内容"
    en = "agreement {number} says the same"


class NotASide(PermissionDenied):
    zh = "服务约定由企业管理员和该项目的帮办专员签署"
    en = "an agreement is between the company's administrator and the project's navigator"


class AgreementNotOpen(FailedPrecondition):
    zh = "服务约定 {agreement_id} {status_zh}, 不能{act_zh}"
    en = "service agreement {agreement_id} is {status} and cannot be {act}"


class SideSignedAlready(FailedPrecondition):
    zh = "{side_zh}一方已由 {name} 签署, 待另一方签署"
    en = "{name} has signed for the {side} already: the other side is to sign"


class AgreementNotSigned(FailedPrecondition):
    zh = "服务约定 {agreement_id} 尚未由双方签署"
    en = "service agreement {agreement_id} is not signed by both sides yet"


class OfferTooSlow(InvalidArgument):
    zh = "本地区承诺不得长于上级菜单的 {most} 个工作日"
    en = "a district promises no more than the {most} working days of the menu above it"
