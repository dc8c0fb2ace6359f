"""The gRPC edge: read the request, run one use case, write the answer."""

from project_registry.api.servicer import ProjectRegistry

__all__ = ["ProjectRegistry"]
