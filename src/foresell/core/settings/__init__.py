"""The settings of a project: one frozen, typed tree, read from one YAML file. An unknown key is an error.

Each section has a file of its own. A setting is declared once, with its type, default, description and example;
`descriptions` reads them back for whatever documents the settings, such as the file that `foresell init` writes.
Paths are relative to the folder of the settings file, or ``s3://`` addresses. The settings never hold secrets: the
credentials of buckets and databases come from the environment.
"""

from foresell.core.settings.allocation import AllocationTables as AllocationTables
from foresell.core.settings.backtest import Backtest as Backtest
from foresell.core.settings.base import Columns as Columns
from foresell.core.settings.base import Strict as Strict
from foresell.core.settings.capacity import CapacityTables as CapacityTables
from foresell.core.settings.data import Calendar as Calendar
from foresell.core.settings.data import CovariateTable as CovariateTable
from foresell.core.settings.data import Data as Data
from foresell.core.settings.data import Flag as Flag
from foresell.core.settings.data import Prices as Prices
from foresell.core.settings.data import Table as Table
from foresell.core.settings.labour import LabourTables as LabourTables
from foresell.core.settings.models import Features as Features
from foresell.core.settings.models import Model as Model
from foresell.core.settings.models import SeriesModel as SeriesModel
from foresell.core.settings.models import Totals as Totals
from foresell.core.settings.monitoring import Alerts as Alerts
from foresell.core.settings.monitoring import Monitoring as Monitoring
from foresell.core.settings.orders import OrderTables as OrderTables
from foresell.core.settings.output import Output as Output
from foresell.core.settings.pricing import Campaigns as Campaigns
from foresell.core.settings.pricing import Markdown as Markdown
from foresell.core.settings.reading import parse_settings as parse_settings
from foresell.core.settings.reading import read_settings as read_settings
from foresell.core.settings.registry import Promotion as Promotion
from foresell.core.settings.registry import Tracking as Tracking
from foresell.core.settings.roi import InvestmentTerms as InvestmentTerms
from foresell.core.settings.roi import StatedSavings as StatedSavings
from foresell.core.settings.root import Settings as Settings
from foresell.core.settings.serving import Serving as Serving
from foresell.core.settings.sharing import Sharing as Sharing
from foresell.core.settings.transactions import Transactions as Transactions
