"""Exponential smoothing of all series at once, with a season that series share.

A series is divided by its season (`season`) and smoothed in two ways (`exponential`). The mean of both is multiplied by
the season of the days ahead (`model`). All series are computed together, so thousands take seconds. Models that fit
every series by itself, from a larger family of forms, are in `models.statistical`.
"""

from foresell.models.smoothing.model import Smoothing

__all__ = ["Smoothing"]
