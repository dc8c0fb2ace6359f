"""What a change of the library refuses."""

from __future__ import annotations

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied


class ChangeUnknown(NotFound):
    zh = "没有项目变更申请 {change_id}"
    en = "there is no project change {change_id}"


class ChangeAlreadyAsked(AlreadyExists):
    zh = "项目《{name}》已有一项变更待审批"
    en = "a change of the project {name} waits for its approval already"


class ChangeDecided(FailedPrecondition):
    zh = "变更 {change_id} 已由 {name} 审批"
    en = "{name} has decided the change {change_id} already"


class OwnChange(PermissionDenied):
    zh = "变更须由申请人以外的人审批"
    en = "a change is decided by somebody who did not ask for it"


class CompanyMayOnlyBeAdded(PermissionDenied):
    zh = "企业只能申请入库, 其他变更由主管部门提出"
    en = "a company asks to be taken in; all other changes its administration asks for"
