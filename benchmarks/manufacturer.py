"""Monthly and weekly demand of the sample manufacturer, whose customers order now and then, by how steadily they do.

    python benchmarks/manufacturer.py --out benchmarks/sample/MANUFACTURER.md

`foresell sample --kind manufacturer` makes the order book, `foresell init` looks at it (by month is what it proposes;
by week it is told) and `foresell run` does the rest, with more models than it tries by itself. WRMSSE is that of the
series of a segment, WAPE and bias are over all its periods; each is the mean of the windows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from foresell.evaluate.backtest import Backtest
from foresell.flow.project import Project
from foresell.store.tables import read_table

SEED, CUSTOMERS = 1, None
MODELS = ("seasonal_naive", "moving_average", "lightgbm", "launch")
MODELS += ("croston", "sba", "tsb", "adida", "ets", "theta")
STEADINESS = ("smooth", "erratic", "intermittent", "lumpy", "no sales")
PERIODS = {"M": {"horizon": None, "windows": 3}, "W": {"horizon": 13, "windows": 4}}
