"""A global gradient-boosted model (LightGBM) on question rows: one model for all series and all steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.features.catalogue import catalogue, choose, matrix
from foresell.features.question import Context
from foresell.features.questions import BLOCK, Grid, answers, draw, everything, past_cutoffs

if TYPE_CHECKING:
    import lightgbm

CATEGORIES = ("event", "second_event", "next_event", "last_event", "holiday")
SAMPLE_SERIES = 1500  # series whose rows decide where the bins of the histograms lie
