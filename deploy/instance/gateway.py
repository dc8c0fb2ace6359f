"""Envoy's configuration for this instance, made by the gateway's own generator."""

from __future__ import annotations

from instance.plan import Plan


def render(plan: Plan) -> None:
    """Write the configuration that `plan.envoy_config` names."""
    plan.envoy_config.parent.mkdir(parents=True, exist_ok=True)
