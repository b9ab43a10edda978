"""Experiment trackers: told of a run while it trains, without ever stopping or changing it."""

from crowdkit_core.tracking.creation import make_trackers
from crowdkit_core.tracking.listener import Tracking

__all__ = ["Tracking", "make_trackers"]
