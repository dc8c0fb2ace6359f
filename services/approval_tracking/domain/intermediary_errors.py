"""What the directory of agencies refuses."""

from __future__ import annotations

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound


class IntermediaryUnknown(NotFound):
    zh = "名录中没有 {uscc}"
    en = "the directory has no {uscc}"


class ServiceUnknown(InvalidArgument):
    zh = "没有服务类别「{service}」, 可用: {known}"
    en = "there is no service {service}, only: {known}"


class IntermediaryNamed(FailedPrecondition):
    zh = "不得向申请人指定或者变相指定中介机构(文中出现「{name}」); 请改写为「编制单位」等。依据: {basis}"
    en = "no agency may be named to an applicant (the text names {name}): write of its author. Basis: {basis}"
