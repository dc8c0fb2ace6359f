"""What is refused when cards are objected to, sorted, merged and ignored."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument


class ObjectionTooLate(FailedPrecondition):
    zh = "牌 {card_id} 的申辩期限已于 {until} 届满"
    en = "the time to object to card {card_id} ended at {until}"


class ObjectionMade(AlreadyExists):
    zh = "牌 {card_id} 已提出过申辩"
    en = "card {card_id} was objected to before"


class NoObjection(FailedPrecondition):
    zh = "牌 {card_id} 没有待审的申辩"
    en = "no objection to card {card_id} waits for a decision"


class OnlyYellowIgnored(FailedPrecondition):
    zh = "红牌 {card_id} 不能忽略, 只有黄牌可以"
    en = "card {card_id} is red; only a yellow one can be ignored"


class MergedWithItself(InvalidArgument):
    zh = "不能合并到自身"
    en = "it cannot be merged into itself"


class OtherProject(FailedPrecondition):
    zh = "只能合并同一项目的牌或工单"
    en = "only what belongs to the same project can be merged"


class MergedIntoLesser(FailedPrecondition):
    zh = "{colour_zh}不能并入级别更低的{into_zh}"
    en = "a {colour} card cannot be merged into a {into} one"
