"""What Envoy itself refuses, said in the one shape in which every error leaves.

Envoy decides; `local_reply_config` tells by a CEL expression which refusal it was and writes
the body. What is refused after transcoding would travel as a gRPC status without details, and
the transcoder's own sentence names the field in words: `refusals.lua` mends both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

MARK = "x-kaigong-refusal"
_DETAIL = "type.googleapis.com/google.rpc."
_CEL = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"


@dataclass(frozen=True)
class Refusal:
    """One thing Envoy says no to. `when` is CEL over the response; the first that holds wins."""

    mark: str
    when: str
    status: int
    code: int
    reason: str
    zh: str
    en: str

    def body(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.en,
            "details": [
                {
                    "@type": f"{_DETAIL}ErrorInfo",
                    "reason": self.reason,
                    "domain": "kaigong",
                    "metadata": {},
                },
                *(
                    {"@type": f"{_DETAIL}LocalizedMessage", "locale": locale, "message": text}
                    for locale, text in (("zh-CN", self.zh), ("en", self.en))
                ),
            ],
        }


def _details(*parts: str) -> str:
    return " || ".join(f"response.code_details.contains('{part}')" for part in parts)


REFUSALS = (
    Refusal(
        "token_missing",
        _details("Jwt_is_missing"),
        *(401, 16, "TOKEN_MISSING"),
        "请先登录: 请求没有携带令牌",
        "sign in first: the request carries no token",
    ),
    Refusal(
        "token_expired",
        _details("Jwt_is_expired"),
        *(401, 16, "TOKEN_EXPIRED"),
        "登录凭证已过期, 请刷新或重新登录",
        "the token has expired: refresh it or sign in again",
    ),
    Refusal(
        "keys_unavailable",
        _details("Jwks_remote_fetch_is_failed"),
        *(503, 14, "SERVICE_UNAVAILABLE"),
        "暂时无法核验登录凭证, 请稍后重试",
        "the keys that verify tokens cannot be read, try again later",
    ),
    Refusal(
        "token_invalid",
        _details("jwt_authn_access_denied"),
        *(401, 16, "TOKEN_INVALID"),
        "登录凭证无效, 请重新登录",
        "the token is not one of ours, sign in again",
    ),
    Refusal(
        "too_many",
        "response.code == 429",
        *(429, 8, "TOO_MANY_REQUESTS"),
        "请求过于频繁, 请稍后重试",
        "too many requests, try again in a moment",
    ),
    Refusal(
        "too_large",
        "response.code == 413",
        *(413, 3, "TOO_LARGE"),
        "请求内容过大",
        "the body is too large",
    ),
    # The transcoder's sentence is taken apart in refusals.lua.
    Refusal(
        "untranscodable",
        f"response.code == 400 && ({_details('grpc_json_transcode_failure')})",
        *(400, 3, "INVALID_VALUE"),
        "请求有误",
        "the request is invalid",
    ),
    Refusal(
        "unroutable",
        "response.code == 404",
        *(404, 5, "ROUTE_NOT_FOUND"),
        "没有这个接口",
        "there is no such route",
    ),
    Refusal(
        "wrong_method",
        "response.code == 405",
        *(405, 12, "METHOD_NOT_ALLOWED"),
        "该地址不支持此请求方法, 可用方法见 Allow",
        "the route does not take this method, Allow names those it takes",
    ),
    Refusal(
        "wrong_media",
        "response.code == 415",
        *(415, 3, "UNSUPPORTED_MEDIA_TYPE"),
        "请求内容应为 application/json",
        "the body must be application/json",
    ),
    Refusal(
        "headers_too_large",
        "response.code == 431",
        *(431, 3, "HEADERS_TOO_LARGE"),
        "请求头过大",
        "the headers are too large",
    ),
    Refusal(
        "slow_client",
        "response.code == 408",
        *(408, 4, "REQUEST_TIMEOUT"),
        "请求未能在限定时间内收完",
        "the request did not arrive in time",
    ),
    Refusal(
        "timeout",
        f"response.code == 504 || {_details('response_timeout', 'per_try_timeout')}",
        *(504, 4, "DEADLINE_EXCEEDED"),
        "处理超时, 请重试",
        "the deadline passed before the work was done, try again",
    ),
    Refusal(
        "unavailable",
        "response.code == 503 || response.code == 502",
        *(503, 14, "SERVICE_UNAVAILABLE"),
        "服务暂不可用, 请稍后重试",
        "the service is not available, try again later",
    ),
    Refusal(
        "forbidden",
        "response.code == 403",
        *(403, 7, "FORBIDDEN"),
        "没有权限",
        "permission denied",
    ),
    Refusal(
        "bad_request",
        "response.code >= 400 && response.code < 500",
        *(400, 3, "BAD_REQUEST"),
        "请求不符合 HTTP 规范",
        "the request is not proper HTTP",
    ),
    Refusal(
        "broken",
        "response.code >= 500",
        *(500, 13, "INTERNAL"),
        "系统内部错误",
        "internal error",
    ),
)


def local_reply_config() -> dict[str, Any]:
    """Return the mappers, one per refusal, in order."""
    return {"mappers": [_mapper(each) for each in REFUSALS]}


def _mapper(refusal: Refusal) -> dict[str, Any]:
    if refusal.mark == "untranscodable":
        body: dict[str, Any] = {
            "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
            "content_type": "text/plain",
        }
    else:
        body = {"json_format": refusal.body(), "content_type": "application/json"}
    return {
        "filter": {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": {"@type": _CEL, "expression": refusal.when},
            }
        },
        "status_code": refusal.status,
        "headers_to_add": [
            {
                "header": {"key": MARK, "value": refusal.mark},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
        "body_format_override": body,
    }


def lua() -> str:
    """Return the Lua filter with the bodies it hands out."""
    known = "\n".join(
        f'  {each.mark} = {{ status = "{each.status}", body = {_quoted(each.body())} }},'
        for each in REFUSALS
    )
    text = files(__package__).joinpath("refusals.lua").read_text("utf-8")
    return text.replace("--REFUSALS--", known)


def _quoted(body: dict[str, Any]) -> str:
    return "[==[" + json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "]==]"
