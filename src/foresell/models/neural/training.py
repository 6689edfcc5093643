"""Training of the network by torch, which is imported at its first use. What comes out is arrays of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.extras import importing
from foresell.models.global_models.lightgbm import sleeping_threads
from foresell.models.neural.checkpoint import Checkpoint
from foresell.models.neural.network import LARGEST, SMALLEST
from foresell.models.neural.windows import Windows

MEMORY = 0.98
"""Weights are averaged over batches with this memory (Polyak's averaging); the averages are judged and kept."""

CLIP = 1.0
"""The largest norm of a gradient."""

UNKNOWN = 0.05
"""The share of windows of a batch whose categories are hidden, so that the network can do without them."""

EMBEDDED = 12
"""The largest number of values that describe a category."""

AT_ONCE = 4096
"""The number of windows that are judged at a time."""


@dataclass(frozen=True)
class Schedule:
    """How a network learns: see the options of `model.Lstm`."""

    units: int
    epochs: int
    patience: int
    batch: int
    learning_rate: float
    dropout: float
    weight_decay: float
    likelihood: str
    seed: int
    threads: int


@dataclass(frozen=True)
class Learnt:
    """What came of a training: the `weights` of the best epoch, and the loss of every epoch where it was judged."""

    weights: dict[str, np.ndarray]
    losses: tuple[float, ...]


def imported() -> Any:
    """torch. Raises NotInstalled where it is not installed."""
    sleeping_threads()
    with importing("neural"):
        import torch
    return torch


def learn(
    windows: Windows,
    judging: Windows,
    calendar: np.ndarray,
    sizes: tuple[int, ...],
    schedule: Schedule,
    checkpoint: Checkpoint,
    progress: Callable[[int], None],
) -> Learnt:
    """Trains a network on `windows`, and stops when it forecasts those of `judging` no better for some epochs.

    Both are scaled; `sizes` are the numbers of values of each category. A training whose `checkpoint` was begun goes on
    after its last epoch. `progress` is called with the number of epochs that are done.
    """
    torch = imported()
    threads = torch.get_num_threads()
    torch.set_num_threads(schedule.threads or threads)
    try:
        return _Training(torch, windows, judging, calendar, sizes, schedule).run(checkpoint, progress)
    finally:
        torch.set_num_threads(threads)


class _Training:
    """A network, its optimiser and its data, on the processor or a GPU."""

    def __init__(
        self,
        torch: Any,
        windows: Windows,
        judging: Windows,
        calendar: np.ndarray,
        sizes: tuple[int, ...],
        schedule: Schedule,
    ):
        self.torch, self.schedule = torch, schedule
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.windows, self.judging = windows, judging
        self.calendar = torch.from_numpy(calendar).to(self.device)
        with torch.random.fork_rng():
            torch.manual_seed(schedule.seed)
            self.network = network(torch, windows, calendar.shape[1], sizes, schedule).to(self.device)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.moments = _Moments.of(torch, self.network.parameters())
        self.best: dict[str, Any] = {}
        self.losses: list[float] = []

    def run(self, checkpoint: Checkpoint, progress: Callable[[int], None]) -> Learnt:
        """All epochs that are left."""
        if saved := checkpoint.read(self.torch, self.device):
            self.network.load_state_dict(saved["network"])
            self.moments = _Moments(*saved["moments"])
            self.average, self.best, self.losses = saved["average"], saved["best"], saved["losses"]
        while len(self.losses) < self.schedule.epochs and not self._is_over() and np.isfinite(self.losses).all():
            self._epoch(len(self.losses))
            self.losses.append(self._judge())
            if self.losses[-1] <= min(self.losses):
                self.best = {name: value.clone() for name, value in self.average.items()}
            state = {"network": self.network.state_dict(), "moments": list(vars(self.moments).values())}
            checkpoint.write(self.torch, {**state, "average": self.average, "best": self.best, "losses": self.losses})
            progress(len(self.losses))
        if not self.best or not np.isfinite(self.losses).all():
            raise UsageError(
                f"The training of a network diverged in epoch {len(self.losses)}: its loss is {self.losses[-1]}. "
                f"Lower the model's option 'learning_rate', which is {self.schedule.learning_rate}."
            )
        weights = {name: value.cpu().numpy().astype(np.float32) for name, value in self.best.items()}
        return Learnt(weights, tuple(self.losses))

    def _is_over(self) -> bool:
        """Whether the last epochs were no better than one before them."""
        patience = self.schedule.patience
        return len(self.losses) > patience and min(self.losses[-patience:]) > min(self.losses[:-patience])

    def _epoch(self, epoch: int) -> None:
        """One pass over the windows in an order that depends on the seed and the epoch alone."""
        torch, schedule = self.torch, self.schedule
        random = np.random.default_rng((schedule.seed, epoch))
        order = random.permutation(len(self.windows))
        self.network.train()
        with torch.random.fork_rng():
            torch.manual_seed(int(random.integers(2**31)))
            for begin in range(0, len(order), schedule.batch):
                rows = order[begin : begin + schedule.batch]
                hidden = random.random(len(rows)) < UNKNOWN
                self.network.zero_grad(set_to_none=True)
                self._loss(self.windows.part(rows), hidden).backward()
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
                self.moments.step(torch, list(self.network.parameters()), schedule)
                self._remember(epoch * -(-len(order) // schedule.batch) + begin // schedule.batch)

    def _remember(self, batches: int) -> None:
        """Moves the averages towards the weights, quickly in the first batches."""
        memory = min(MEMORY, (1 + batches) / (10 + batches))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - memory)

    def _judge(self) -> float:
        """The mean loss of the averaged weights on the windows that judge."""
        torch = self.torch
        kept = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        self.network.eval()
        total, count = 0.0, 0
        with torch.no_grad():
            for begin in range(0, len(self.judging), AT_ONCE):
                some = self.judging.part(slice(begin, begin + AT_ONCE))
                known = int((~np.isnan(some.target)).sum())
                total += float(self._loss(some, np.zeros(len(some), bool))) * known
                count += known
        self.network.load_state_dict(kept)
        return total / max(count, 1)

    def _loss(self, windows: Windows, hidden: np.ndarray) -> Any:
        """The mean loss over the known answers of some windows; the categories of the `hidden` ones are not shown."""
        torch = self.torch
        categories = np.where(hidden[:, None], 0, windows.categories)
        past, ahead, static, numbers, cutoff, level, dispersion, target = (
            torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
            for values in (
                windows.past,
                windows.ahead,
                windows.static,
                categories,
                windows.cutoff,
                windows.level.astype(np.float32),
                windows.dispersion.astype(np.float32),
                windows.target,
            )
        )
        log_ratio, spread = self.network(past, ahead, static, numbers, cutoff, self.calendar)
        known = ~torch.isnan(target)
        units = torch.where(known, target, torch.zeros_like(target))
        scales = level[:, None], dispersion[:, None]
        losses = LOSSES[self.schedule.likelihood](torch, units, scales, log_ratio, spread)
        return (losses * known).sum() / known.sum().clamp(min=1)


@dataclass
class _Moments:
    """The state of AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019): for each parameter the
    running means of its gradient and of the square of that, and the number of steps.

    The classes of torch.optim take five seconds to import torch's compiler; the function that they call does not.
    """

    first: list[Any]
    second: list[Any]
    steps: list[Any]

    @classmethod
    def of(cls, torch: Any, parameters: Iterable[Any]) -> _Moments:
        values = list(parameters)
        first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
        return cls(first, second, [torch.zeros(()) for _ in values])

    def step(self, torch: Any, parameters: list[Any], schedule: Schedule) -> None:
        from torch.optim.adamw import adamw

        seen = [place for place, value in enumerate(parameters) if value.grad is not None]
        lists = ([values[place] for place in seen] for values in (parameters, self.first, self.second, self.steps))
        values, first, second, steps = lists
        with torch.no_grad():
            adamw(
                values, [value.grad for value in values], first, second, [], steps,
                amsgrad=False, beta1=0.9, beta2=0.999, eps=1e-8, maximize=False,
                lr=schedule.learning_rate, weight_decay=schedule.weight_decay,
            )  # fmt: skip


def negative_binomial(torch: Any, units: Any, scales: Any, log_ratio: Any, spread: Any) -> Any:
    """The negative log-likelihood of counts with mean m and variance m + a m ** 2, without the part that is constant.

    Its gradient along the logarithm of m is (m - y) / (1 + a m): of a small series it is about as small as its sales.
    """
    mean = scales[0] * torch.exp(log_ratio)
    size = 1 / (torch.nn.functional.softplus(spread) + 1e-3)
    both = torch.log(size + mean)
    likelihood = torch.lgamma(units + size) - torch.lgamma(size) + size * (torch.log(size) - both)
    return -(likelihood + units * (torch.log(mean) - both))


def gaussian(torch: Any, units: Any, scales: Any, log_ratio: Any, spread: Any) -> Any:
    """The negative log-likelihood of units over their level, without the part that is constant."""
    deviation = torch.nn.functional.softplus(spread) + 1e-2
    error = (torch.clamp(units / scales[0], max=float(np.exp(LARGEST))) - torch.exp(log_ratio)) / deviation
    return torch.log(deviation) + error**2 / 2


def quasi_poisson(torch: Any, units: Any, scales: Any, log_ratio: Any, spread: Any) -> Any:
    """The negative logarithm of the quasi-likelihood with a variance of so many times the mean as the past shows
    (McCullagh and Nelder, "Generalized linear models", 1989, chapter 9), without the part that is constant.

    Its gradient along the logarithm of the mean m is (m - y) over the dispersion: all series count about alike, and so
    do steady and restless ones.
    """
    level, dispersion = scales
    return (level * torch.exp(log_ratio) - units * log_ratio) / dispersion


LOSSES = {"negative_binomial": negative_binomial, "quasi_poisson": quasi_poisson, "gaussian": gaussian}
"""The losses by name: functions of torch, the units, the level and the dispersion, the logarithm of the mean over the
level, and its spread."""


def network(torch: Any, windows: Windows, calendar: int, sizes: tuple[int, ...], schedule: Schedule) -> Any:
    """The network as a module of torch; `network.log_ratios` is the same computation.

    `calendar` is the number of columns of the calendar, `sizes` those of values of each category.
    """
    nn, units = torch.nn, schedule.units
    widths = [min(EMBEDDED, 1 + round(size**0.5)) for size in sizes]
    known = windows.static.shape[1] + sum(widths)
    asked = windows.ahead.shape[2] + calendar + known

    kind: Any = nn.Module

    class Network(kind):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = nn.ModuleList(
                nn.Embedding(size + 1, width) for size, width in zip(sizes, widths, strict=True)
            )
            self.start = nn.Linear(known, units)
            self.encoder = nn.LSTM(windows.past.shape[2] + calendar, units, batch_first=True)
            self.decoder = nn.LSTM(asked, units, batch_first=True)
            self.query = nn.Linear(units, units)
            self.hidden = nn.Linear(2 * units, units)
            self.output = nn.Linear(units, 2)
            self.straight = nn.Linear(asked, 2, bias=False)
            self.dropout = nn.Dropout(schedule.dropout)
            for each in self.embeddings:
                nn.init.normal_(each.weight, std=0.1)
            for layer in (self.output, self.straight):
                nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(self.output.bias)

        def forward(self, past: Any, ahead: Any, static: Any, categories: Any, cutoff: Any, days: Any) -> Any:
            described = [each(categories[:, place]) for place, each in enumerate(self.embeddings)]
            known = torch.cat([static, *described], dim=1)
            steps, length = ahead.shape[1], past.shape[1]
            before = cutoff[:, None] + torch.arange(1 - length, 1, device=cutoff.device)
            after = cutoff[:, None] + torch.arange(1, steps + 1, device=cutoff.device)
            state = torch.tanh(self.start(known))[None]
            encoder_inputs = torch.cat([past, days[before.clamp(min=0)]], dim=2)
            encoded, state = self.encoder(encoder_inputs, (state, torch.zeros_like(state)))
            asked = torch.cat([ahead, days[after], known[:, None].expand(-1, steps, -1)], dim=2)
            decoded, _ = self.decoder(self.dropout(asked), state)
            scores = self.query(decoded) @ encoded.transpose(1, 2) / encoded.shape[2] ** 0.5
            context = torch.softmax(scores, dim=2) @ encoded
            hidden = torch.tanh(self.hidden(torch.cat([self.dropout(decoded), self.dropout(context)], dim=2)))
            output = self.output(self.dropout(hidden)) + self.straight(asked)
            return output[:, :, 0].clamp(SMALLEST, LARGEST), output[:, :, 1]

    return Network()
