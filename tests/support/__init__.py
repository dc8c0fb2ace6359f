"""What tests of several levels use."""

from support.waiting import eventually

__all__ = ["eventually"]
