"""How much to order of each series: policies over sample paths of demand, and the formulas of textbooks."""

from __future__ import annotations

from foresell.decide.stock.calibrated_fractile import CalibratedFractile
from foresell.decide.stock.contract import Policy
from foresell.decide.stock.fixed_cost import FixedCostPaths
from foresell.decide.stock.normal import NormalSafetyStock
from foresell.decide.stock.own_history import OwnHistory
from foresell.decide.stock.perishable import PerishablePaths
from foresell.decide.stock.projected_stock import ProjectedStock
from foresell.decide.stock.sample_paths import BackorderPaths, LostSalesPaths

POLICIES: dict[str, type[Policy]] = {
    "normal": NormalSafetyStock,
    "own_history": OwnHistory,
    "fractile": CalibratedFractile,
    "lost_sales": LostSalesPaths,
    "projected_stock": ProjectedStock,
    "backorders": BackorderPaths,
    "fixed_cost": FixedCostPaths,
    "perishable": PerishablePaths,
}
"""All policies by the name that settings give them."""
