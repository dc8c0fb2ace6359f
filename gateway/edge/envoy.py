"""What the parts of Envoy's configuration share: names, filters and limits."""

from __future__ import annotations

from typing import Any

from edge.settings import Bucket, Settings

Tree = dict[str, Any]

EXTENSIONS = "type.googleapis.com/envoy.extensions."
HTTP = f"{EXTENSIONS}filters.http."
ORIGINAL_PATH = "x-envoy-original-path"
ACCOUNT = "x-kaigong-account"
# A transcoder without services does nothing.
NOT_TRANSCODED: Tree = {
    "envoy.filters.http.grpc_json_transcoder": {
        "@type": f"{HTTP}grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "services": [],
        "proto_descriptor_bin": "",
    }
}


def http_filter(name: str, kind: str, **settings: Any) -> Tree:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{HTTP}{kind}", **settings},
    }


def add_header(name: str, value: str) -> Tree:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def limit_by_address(settings: Settings) -> list[Tree]:
    """Return the outer limit. Public routes have one of their own, see `_public_limit`."""
    if not settings.by_address.per_second:
        return []
    rules = by_address("address", settings.by_address)
    return [http_filter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", **rules)]


def by_address(name: str, bucket: Bucket) -> Tree:
    return _limit(name, bucket, "remote_address", {"remote_address": {}})


def limit_by_account(settings: Settings) -> list[Tree]:
    if not settings.by_account.per_second:
        return []
    by_account = {"request_headers": {"header_name": ACCOUNT, "descriptor_key": "account"}}
    limit = http_filter(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        **_limit("account", settings.by_account, "account", by_account),
    )
    return [{**limit, "name": "kaigong.limit_by_account"}]


def _limit(name: str, bucket: Bucket, key: str, action: Tree) -> Tree:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "stat_prefix": f"limit_by_{name}",
        # Nobody's own bucket: requests without the key are not limited here.
        "token_bucket": {
            "max_tokens": 1_000_000,
            "tokens_per_fill": 1_000_000,
            "fill_interval": "1s",
        },
        "always_consume_default_token_bucket": False,
        "filter_enabled": always,
        "filter_enforced": always,
        "response_headers_to_add": [
            {
                "header": {"key": "retry-after", "value": "1"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
        "rate_limits": [{"actions": [action]}],
        "descriptors": [
            {
                # An entry without a value gives every value a bucket of its own.
                "entries": [{"key": key}],
                "token_bucket": {
                    "max_tokens": bucket.burst,
                    "tokens_per_fill": bucket.per_second,
                    "fill_interval": "1s",
                },
            }
        ],
        "max_dynamic_descriptors": 20_000,
    }
