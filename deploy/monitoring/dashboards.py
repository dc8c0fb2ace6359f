"""Grafana dashboards from code: the tier, a service, the links, the service levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring.slo import Objective

Tree = dict[str, Any]
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WIDE, _HIGH = 24, 8
# Live streams last as long as a page is open: they say nothing of latency.
_SERVICES = '{envoy_cluster_name!~"push|admin|identity_keys"}'
_FROM_BELOW = '{queue=~".+[.]uplink[.]facts"}'


@dataclass(frozen=True)
class Panel:
    """One picture: what it shows, and the queries by the legend of their lines."""

    zh: str
    en: str
    lines: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    # Where zero is the healthy answer, or nothing is there to be shown on every instance.
    may_be_empty: bool = False
    exemplars: bool = False

    def tree(self, number: int, x: int, y: int) -> Tree:
        return {
            "id": number,
            "title": f"{self.zh} · {self.en}",
            "type": self.kind,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": _HIGH},
            "fieldConfig": {"defaults": {"unit": self.unit}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "expr": expr,
                    "legendFormat": legend,
                    "datasource": _SOURCE,
                    **({"instant": True, "format": "table"} if self.kind == "table" else {}),
                    **({"exemplar": True} if self.exemplars else {}),
                }
                for place, (legend, expr) in enumerate(self.lines)
            ],
        }


@dataclass(frozen=True)
class Board:
    """One dashboard; `picks` are its variables by the query that lists their values."""

    uid: str
    zh: str
    en: str
    panels: tuple[Panel, ...]
    picks: dict[str, str] = field(default_factory=dict)

    def tree(self) -> Tree:
        return {
            "uid": f"kaigong-{self.uid}",
            "title": f"开工 {self.zh} · {self.en}",
            "tags": ["kaigong"],
            "timezone": "Asia/Shanghai",
            "schemaVersion": 39,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [_source(), *self._picked()]},
            "panels": list(_laid(self.panels)),
        }

    def _picked(self) -> Iterator[Tree]:
        for name, query in self.picks.items():
            yield {
                "name": name,
                "type": "query",
                "datasource": _SOURCE,
                "query": query,
                "includeAll": True,
                "allValue": ".+",
                "multi": True,
                "current": {"text": "All", "value": "$__all"},
                "refresh": 2,
            }


def _source() -> Tree:
    return {"name": "source", "type": "datasource", "query": "prometheus"}


def _laid(panels: Sequence[Panel]) -> Iterator[Tree]:
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _WIDE:
            x, y = 0, y + _HIGH
        yield panel.tree(number, x, y)
        x += panel.width


def boards(objectives: list[Objective]) -> dict[str, Tree]:
    """Return each dashboard by the name of its file."""
    return {each.uid: each.tree() for each in all_boards(objectives)}


def all_boards(objectives: list[Objective]) -> list[Board]:
    return [_service_levels(objectives), _tier(), _service(), _link()]


def _quantile(q: str, metric: str, by: str, where: str = "") -> str:
    inside = f"sum by (le{', ' + by if by else ''}) (rate({metric}_bucket{where}[5m]))"
    return f"histogram_quantile({q}, {inside})"


def _service_levels(objectives: list[Objective]) -> Board:
    state = "|".join(each.promise for each in objectives if each.kind == "promise")
    # Each case and order lies in one district: the sum over districts is all of them.
    ended, kept = (
        f"sum by (promise) (max by (promise, of) (promises_{what}_count"
        f'{{promise=~"{state}", by="district", days="30"}}))'
        for what in ("due", "kept")
    )

    def worst(by: str) -> tuple[tuple[str, str], ...]:
        ratio = f'slo:errors:ratio_30d{{kind="promise", by="{by}"}}'
        return (("{{slo}} {{name}}", f"sort(bottomk(20, 1 - {ratio}))"),)

    return Board(
        "service_levels",
        "服务水平",
        "service levels",
        (
            Panel(
                "是否守住",
                "is it kept: budget left, platform",
                (("{{slo}}", 'slo:budget_left:ratio{kind!="promise"}'),),
                "percentunit",
                "bargauge",
                12,
            ),
            Panel(
                "对企业的承诺, 三十天",
                "the state's promises, thirty days",
                (("{{promise}}", f"{kept} / {ended}"),),
                "percentunit",
                "bargauge",
                12,
            ),
            Panel(
                "谁没有得到: 按部门",
                "for whom not: by department",
                worst("department"),
                "percentunit",
                "table",
            ),
            Panel("按事项", "by item", worst("item"), "percentunit", "table"),
            Panel("按市(区)", "by district", worst("district"), "percentunit", "table"),
            Panel(
                "现已超期",
                "over the limit now",
                (
                    (
                        "{{promise}} {{name}}",
                        'max by (promise, of, name) (promises_overdue_count{by="department"})',
                    ),
                ),
            ),
            Panel(
                "预算消耗速度, 一小时",
                "burn rate of an hour",
                (
                    (
                        "{{slo}}",
                        "slo:errors:ratio_1h / on (slo) group_left () (1 - slo:objective:ratio)",
                    ),
                ),
            ),
            Panel(
                "错误率, 六小时",
                "errors of six hours",
                (("{{slo}}", "slo:errors:ratio_6h"),),
                "percentunit",
            ),
        ),
    )


def _tier() -> Board:
    gateway = 'envoy_http_conn_manager_prefix="gateway"'
    return Board(
        "tier",
        "实例",
        "an instance",
        (
            Panel(
                "请求",
                "requests a second",
                (
                    (
                        "{{envoy_response_code_class}}xx",
                        f"sum by (envoy_response_code_class) (rate(envoy_http_downstream_rq_xx{{{gateway}}}[5m]))",
                    ),
                ),
                "reqps",
            ),
            Panel(
                "响应时间",
                "latency at the gateway",
                (
                    ("p99", _quantile("0.99", "envoy_cluster_upstream_rq_time", "", _SERVICES)),
                    ("p50", _quantile("0.5", "envoy_cluster_upstream_rq_time", "", _SERVICES)),
                ),
                "ms",
            ),
            Panel("进程", "processes that answer", (("{{process}}", "up"),)),
            Panel(
                "发件箱",
                "oldest fact in an outbox",
                (("{{service}}", "max by (service) (outbox_oldest_seconds)"),),
                "s",
            ),
            Panel(
                "事实到达",
                "from fact to effect",
                (("p99 {{queue}}", _quantile("0.99", "fact_seconds", "queue")),),
                "s",
            ),
            Panel(
                "亮牌迟到",
                "lateness of cards",
                (
                    (
                        "p99",
                        "histogram_quantile(0.99, sum by (le) (rate(card_late_seconds_bucket[1h])))",
                    ),
                ),
                "s",
            ),
            Panel("队列", "waiting in queues", (("{{queue}}", "queue_ready_count"),)),
            Panel("搁置的消息", "parked messages", (("{{queue}}", "messages_parked_count"),)),
            Panel(
                "未成链的审计",
                "audit lines not chained",
                (("{{service}}", "max by (service) (audit_unlinked_count)"),),
            ),
            Panel("可用空间", "free space", (("{{service}}", "store_free_bytes"),), "bytes"),
            Panel("在线页面", "browsers that listen", (("push", "push_clients_count"),)),
            Panel("内存", "memory", (("{{process}}", "process_resident_memory_bytes"),), "bytes"),
        ),
    )


def _service() -> Board:
    mine = '{process=~"$process"}'
    return Board(
        "service",
        "服务",
        "a service",
        (
            Panel(
                "调用",
                "calls a second",
                (
                    (
                        "{{method}} {{code}}",
                        f"sum by (method, code) (rate(rpc_seconds_count{mine}[5m]))",
                    ),
                ),
                "reqps",
                width=12,
            ),
            Panel(
                "耗时",
                "time of a call",
                (("p99 {{method}}", _quantile("0.99", "rpc_seconds", "method", mine)),),
                "s",
                width=12,
                exemplars=True,
            ),
            Panel(
                "消息",
                "messages a second",
                (
                    (
                        "{{queue}} {{outcome}}",
                        f"sum by (queue, outcome) (rate(messages_handled_total{mine}[5m]))",
                    ),
                ),
            ),
            Panel(
                "处理耗时",
                "time of a message or a batch",
                (("p99 {{queue}}", _quantile("0.99", "message_seconds", "queue", mine)),),
                "s",
                exemplars=True,
            ),
            Panel(
                "在办消息",
                "messages in flight",
                (("{{queue}}", f"messages_in_flight_count{mine}"),),
            ),
            Panel(
                "等待重试",
                "waiting for another attempt",
                (("{{queue}}", f"queue_retrying_count{mine}"),),
            ),
            Panel(
                "发出的事实",
                "facts that left",
                (("{{service}}", f"sum by (service) (rate(outbox_relayed_total{mine}[5m]))"),),
            ),
            Panel(
                "定时任务",
                "since a timer last ran",
                (("{{service}} {{timer}}", f"time() - timer_last_run_seconds{mine}"),),
                "s",
            ),
            Panel(
                "处理器",
                "processor",
                (("{{process}}", f"rate(process_cpu_seconds_total{mine}[5m])"),),
            ),
            Panel(
                "内存",
                "memory",
                (("{{process}}", f"process_resident_memory_bytes{mine}"),),
                "bytes",
            ),
            Panel("文件句柄", "open files", (("{{process}}", f"process_open_fds{mine}"),)),
        ),
        {"process": "label_values(process_start_time_seconds, process)"},
    )


def _link() -> Board:
    return Board(
        "link",
        "三级联动线路",
        "links",
        (
            Panel(
                "上联",
                "the parent takes our facts",
                (("{{region}}", 'max by (region) (queue_consumers_count{queue="uplink"})'),),
                may_be_empty=True,
            ),
            Panel(
                "待上报",
                "waiting for the parent, at the broker",
                (("{{region}}", 'max by (region) (queue_ready_count{queue="uplink"})'),),
                may_be_empty=True,
            ),
            Panel(
                "待上报(数据库)",
                "waiting for the parent, in the databases",
                (("{{service}}", "uplink_waiting_count"),),
                may_be_empty=True,
            ),
            Panel(
                "被上级拒收",
                "refused by the parent",
                (("{{service}}", "uplink_refused"),),
                may_be_empty=True,
            ),
            Panel(
                "下级最近一次消息",
                "since a child was heard of",
                (("{{child}}", "time() - max by (child) (link_heard_seconds)"),),
                "s",
                may_be_empty=True,
            ),
            Panel(
                "联动延迟",
                "from a child's fact to its effect here",
                (("p99 {{queue}}", _quantile("0.99", "fact_seconds", "queue", _FROM_BELOW)),),
                "s",
                may_be_empty=True,
            ),
            Panel(
                "拒收下级事实",
                "facts from below that were refused",
                (("{{child}}", "sum by (child) (increase(link_refused_total[1h]))"),),
                may_be_empty=True,
            ),
        ),
    )
