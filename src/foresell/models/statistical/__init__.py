"""Models that fit every series by itself, with statsforecast: SARIMA, SARIMAX, ETS and Theta.

A model is fitted to the last `days` of each series, in as many processes as there are cores. Days that are not known
are filled from the same days of the neighbouring weeks (`history.filled`), and closed days are forecast 0. A season of
more than 24 periods, such as the year of weekly series, is taken off before the fit by STL and added to the forecast
(FPP3, section 13.1). A series that cannot be fitted is forecast by the seasonal naive; `Fitted.findings` counts and
names such series with the codes ``too-short``, ``constant``, ``fit-failed`` and ``fit-too-slow``.

With a `level`, the sums of that level are fitted. They are shared out to the series in proportion to the series' means
of the last weeks (FPP3, section 11.2).
"""

from foresell.models.statistical.models import Ets, PerSeriesModel, Sarima, Sarimax, Theta

__all__ = ["Ets", "PerSeriesModel", "Sarima", "Sarimax", "Theta"]
