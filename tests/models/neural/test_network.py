"""The forward pass in NumPy beside that of torch."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.frequencies import FREQUENCIES

from foresell.models.neural.layout import PAST, Layout
from foresell.models.neural.network import log_ratios
from foresell.models.neural.training import Schedule, network
from foresell.models.neural.windows import scaled, windows

SCHEDULE = Schedule(12, 1, 1, 8, 0.01, 0.1, 0.0, "quasi_poisson", 1, 1)


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_it_is_the_computation_of_torch(torch, make_panel, frequency):
    panel = make_panel(120, frequency=frequency)
    categories = {"shop": ("north", "south"), "category": ("food",)}
    layout = Layout(9, PAST[frequency], ("price", "promotion"), (0.0, 0.1), (1.0, 0.3), categories)
    asked = scaled(layout, windows(layout, panel, np.arange(8), np.full(8, 119)))
    calendar = layout.calendar(panel)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = network(torch, asked, calendar.shape[1], (2, 1), SCHEDULE).eval()
    with torch.no_grad():
        for value in module.parameters():
            value.mul_(3)  # so that no part is near 0
        numbers = (asked.past, asked.ahead, asked.static, asked.categories, asked.cutoff, calendar)
        expected = module(*map(torch.from_numpy, numbers))[0].numpy()
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    found = log_ratios(weights, asked, calendar.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert np.ptp(found) > 0.1
