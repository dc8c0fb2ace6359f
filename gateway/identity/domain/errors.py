"""What identity refuses, and why."""

from __future__ import annotations

from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)

# --- Sign-in ---------------------------------------------------------------------------------


class SignInFailed(Unauthenticated):
    """Said alike for an unknown user and a wrong password."""

    zh = "用户名或密码不正确"
    en = "the user name or the password is wrong"


class SignInLocked(ResourceExhausted):
    zh = "登录失败次数过多, 请 {minutes} 分钟后再试"
    en = "too many failed sign-ins, try again in {minutes} minutes"


class AccountDisabled(PermissionDenied):
    zh = "该账号已停用, 请联系管理员"
    en = "the account is disabled, ask an administrator"


class PasswordChangeRequired(FailedPrecondition):
    zh = "密码由他人设置, 登录时须同时提交新密码 (new_password)"
    en = "the password was set by somebody else: give a new_password to sign in"


class RefreshTokenInvalid(Unauthenticated):
    zh = "登录已过期, 请重新登录"
    en = "the refresh token is unknown or has expired, sign in again"


class RefreshTokenReused(Unauthenticated):
    zh = "刷新令牌已被使用过, 为安全起见本次登录已终止, 请重新登录"
    en = "the refresh token was used before: the session has been ended, sign in again"


class SessionEnded(Unauthenticated):
    zh = "登录已终止, 请重新登录"
    en = "the session has ended, sign in again"


# --- Passwords -------------------------------------------------------------------------------


class PasswordTooShort(InvalidArgument):
    zh = "密码至少 {least} 个字符"
    en = "a password has at least {least} characters"


class PasswordIsUsername(InvalidArgument):
    zh = "密码不能是用户名"
    en = "the password must not be the user name"


class PasswordUnchanged(InvalidArgument):
    zh = "新密码不能与旧密码相同"
    en = "the new password is the old one"


class OldPasswordWrong(InvalidArgument):
    zh = "旧密码不正确"
    en = "the old password is wrong"


# --- Accounts --------------------------------------------------------------------------------


class AccountNotFound(NotFound):
    zh = "没有账号 {account_id}"
    en = "there is no account {account_id}"


class UsernameTaken(AlreadyExists):
    zh = "用户名 {username} 已被使用"
    en = "the user name {username} is taken"


class RoleUnknown(InvalidArgument):
    zh = "没有角色 {role}"
    en = "there is no role {role}"


class RolesIncompatible(InvalidArgument):
    """Three powers in three persons (R7)."""

    zh = "三员分立: {roles} 不得由同一人担任"
    en = "{roles} must not be held by one person"


class RoleNotAtTier(InvalidArgument):
    zh = "角色 {role} 不能设在{tier}一级"
    en = "the role {role} cannot be held at the tier {tier}"


class OrgRequired(InvalidArgument):
    zh = "角色 {role} 须填写所属部门, 如 321181:发改"
    en = "the role {role} needs a department such as 321181:发改"


class OrgInvalid(InvalidArgument):
    zh = "部门应写作 <6 位区划代码>:<部门>, 如 321181:发改"
    en = "a department is written <6-digit region>:<department>, such as 321181:发改"


class OrgNotInRegion(InvalidArgument):
    zh = "部门 {org} 不属于区划 {region}"
    en = "the department {org} does not belong to the region {region}"


class NotYoursToManage(PermissionDenied):
    zh = "该账号或企业不在您的管理范围内"
    en = "the account or company is not yours to manage"


class RoleNotYoursToGrant(PermissionDenied):
    zh = "您不能授予或收回角色 {role}"
    en = "the role {role} is not yours to grant or to take"


class OwnAccount(PermissionDenied):
    zh = "不能修改自己的角色, 区划或部门, 也不能停用自己或重置自己的密码"
    en = "nobody changes his own roles, region or department, disables himself or resets himself"


class AccountNotActive(FailedPrecondition):
    zh = "账号 {username} 已停用"
    en = "the account {username} is disabled"


class AccountAlreadyActive(FailedPrecondition):
    zh = "账号 {username} 并未停用"
    en = "the account {username} is not disabled"


class LastAdministrator(FailedPrecondition):
    zh = "这是最后一个可用的系统管理员 (S2), 不能停用或改为他用"
    en = "this is the last active system administrator (S2)"


class FirstAdminExists(FailedPrecondition):
    zh = "已有系统管理员, 首个管理员命令只能使用一次"
    en = "there is a system administrator already: this command works once"


# --- Companies and authority -----------------------------------------------------------------


class CompanyNotFound(NotFound):
    zh = "企业 {uscc} 尚未绑定"
    en = "the company {uscc} is not bound"


class LegalPersonNotE1(FailedPrecondition):
    zh = "账号 {username} 不是企业管理员 (E1), 不能绑定为法定代表人"
    en = "the account {username} is no E1 and cannot be a company's legal person"


class DelegateNotE2(FailedPrecondition):
    zh = "账号 {username} 不是企业经办人 (E2), 不能授权"
    en = "the account {username} is no E2 and cannot be given authority"


class MandateNotFound(NotFound):
    zh = "账号 {account_id} 没有授权 {mandate_id}"
    en = "the account {account_id} has no mandate {mandate_id}"


class MandateEnded(FailedPrecondition):
    zh = "授权 {mandate_id} 已经终止"
    en = "the mandate {mandate_id} has ended already"


class MandatePeriodInvalid(InvalidArgument):
    zh = "授权期限无效: {starts_on} 至 {ends_on} (止日不得早于起日或今天, 最长 {most} 天)"
    en = (
        "not a period for a mandate: {starts_on} to {ends_on} "
        "(it ends no earlier than it starts or today, and lasts {most} days at most)"
    )


class MandatesMixed(FailedPrecondition):
    zh = "同一账号不能既有整个企业的授权又有限定项目的授权"
    en = "one account cannot hold authority for whole companies and for single projects"


# --- Unified sign-on -------------------------------------------------------------------------


class OidcNotConfigured(FailedPrecondition):
    zh = "本实例未配置统一身份认证"
    en = "this instance has no unified sign-on"


class OidcProviderUnavailable(Unavailable):
    zh = "统一身份认证暂不可用, 请稍后重试"
    en = "the unified sign-on cannot be reached, try again later"


class OidcStateInvalid(InvalidArgument):
    zh = "登录请求无效或已过期, 请重新发起"
    en = "the state is not ours or too old, start again"


class OidcRefused(Unauthenticated):
    zh = "统一身份认证未通过"
    en = "the unified sign-on did not confirm the person"


class OidcNotLinked(PermissionDenied):
    zh = "您的统一身份尚未关联本平台账号, 请联系管理员"
    en = "no account is linked to this person, ask an administrator"


class OidcSubjectTaken(AlreadyExists):
    zh = "该统一身份已关联其他账号"
    en = "the person is linked to another account"


# --- Keys and clock --------------------------------------------------------------------------


class SigningKeyNotFound(NotFound):
    zh = "没有签名密钥 {key_id}"
    en = "there is no signing key {key_id}"


class ClockBackwards(FailedPrecondition):
    zh = "时钟只能前进: 现为 {now}"
    en = "the clock only moves forward: it is {now}"


class ClockTooFar(InvalidArgument):
    zh = "时钟最多可移至真实时间之后 {years} 年"
    en = "the clock can be moved at most {years} years ahead of real time"
