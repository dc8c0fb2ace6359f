"""What approval on trust refuses: papers that may not follow, pledges that are not kept."""

from __future__ import annotations

from chassis.errors import FailedPrecondition, InvalidArgument


class PaperNotDeferrable(InvalidArgument):
    zh = "{code} 的「{paper}」不可容缺, 可容缺的材料: {papers}"
    en = "{paper} of {code} may not follow later, only these may: {papers}"


class DeferralNotPossible(FailedPrecondition):
    zh = "{code} 须在 {due} 前办结, 没有补齐材料的时间, 不能容缺受理"
    en = "{code} is to be decided by {due}: there is no time for papers to follow"


class NothingDeferred(FailedPrecondition):
    zh = "办件 {case_id} 没有待补的容缺材料"
    en = "case {case_id} has no papers that are to follow"


class PapersStillMissing(FailedPrecondition):
    zh = "办件 {case_id} 的容缺材料尚未补齐, 不能作出准予决定: {papers}"
    en = "case {case_id} is not approved while papers are still to follow: {papers}"


class PledgeNotAllowed(InvalidArgument):
    zh = "{code} 不适用告知承诺"
    en = "{code} is not approved on a pledge"


class PledgeNotSigned(FailedPrecondition):
    zh = "承诺书须由企业账号在线签署, 或注明申请人签署的承诺书文号"
    en = "the company's own account signs the pledge, or the signed paper is named"


class CompanyNotTrusted(FailedPrecondition):
    zh = "申请人在办件 {receipt_number} 中承诺不实, 许可已被撤销, 不再适用容缺受理和告知承诺"
    en = (
        "the applicant's pledge in {receipt_number} was untrue and the approval revoked: neither "
        "deferred papers nor a pledge are open to it"
    )


class NoPledge(FailedPrecondition):
    zh = "办件 {case_id} 不是以告知承诺方式办理的"
    en = "case {case_id} does not rest on a pledge"


class PledgeAlreadyChecked(FailedPrecondition):
    zh = "办件 {case_id} 的承诺已于 {on} 核查属实"
    en = "the pledge of case {case_id} was checked on {on} and found true"


class PledgeFoundTrue(FailedPrecondition):
    zh = "办件 {case_id} 的承诺未经核查认定不实, 不能撤销决定; 可先核查"
    en = "no check found the pledge of case {case_id} untrue, nothing is revoked: check it first"


class PutRightStillRuns(FailedPrecondition):
    zh = "办件 {case_id} 的整改期限至 {until}, 期满未整改的方可撤销"
    en = "case {case_id} may be put right until {until}, only afterwards is it revoked"
