"""The network's forward pass in NumPy, so that a fitted model forecasts without torch.

An LSTM (Hochreiter and Schmidhuber, "Long short-term memory", 1997) reads the past; a second one, which begins in the
state that the first one ends in, reads what is known ahead of every step. At each step the second one attends to all
states of the first one (Luong, Pham and Manning, "Effective approaches to attention-based neural machine translation",
2015). Nothing that was forecast is read again, so that all steps follow from the cutoff alone.

The weights have the names and shapes of `training.network`, whose torch modules are the same computation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from foresell.models.neural.windows import Windows

Weights = Mapping[str, np.ndarray]

SMALLEST, LARGEST = -12.0, 5.0
"""The logarithm of a mean over its level is held between these."""


def log_ratios(weights: Weights, windows: Windows, calendar: np.ndarray) -> np.ndarray:
    """The logarithm of the mean over the level of each window and step: float64 [window, step].

    `windows` are scaled; `calendar` is float32 [day + step, column].
    """
    steps, past = windows.ahead.shape[1], windows.past.shape[1]
    static = [windows.static.astype(np.float64)]
    static += [weights[f"embeddings.{n}.weight"][column] for n, column in enumerate(windows.categories.T)]
    known = np.concatenate(static, axis=1)  # [window, input]
    before = np.clip(windows.cutoff[:, None] + np.arange(1 - past, 1), 0, None)
    ahead = windows.cutoff[:, None] + np.arange(1, steps + 1)
    state = np.tanh(_linear(weights, "start", known))
    cell = np.zeros_like(state)
    encoded, state, cell = _lstm(
        weights, "encoder", np.concatenate([windows.past, calendar[before]], axis=2), state, cell
    )
    repeated = np.repeat(known[:, None], steps, axis=1)
    asked = np.concatenate([windows.ahead, calendar[ahead], repeated], axis=2)  # [window, step, input]
    decoded, _, _ = _lstm(weights, "decoder", asked, state, cell)
    scores = _linear(weights, "query", decoded) @ encoded.transpose(0, 2, 1) / np.sqrt(encoded.shape[2])
    attention = np.exp(scores - scores.max(axis=2, keepdims=True))  # [window, step, past]
    attention /= attention.sum(axis=2, keepdims=True)
    hidden = np.tanh(_linear(weights, "hidden", np.concatenate([decoded, attention @ encoded], axis=2)))
    output = _linear(weights, "output", hidden) + asked @ weights["straight.weight"].T
    return np.clip(output[:, :, 0], SMALLEST, LARGEST)


def _linear(weights: Weights, name: str, values: np.ndarray) -> np.ndarray:
    return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _lstm(
    weights: Weights, name: str, inputs: np.ndarray, state: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The states after each of the `inputs` [window, period, input], [window, period, unit], and the last state and
    cell [window, unit]."""
    own, back = weights[f"{name}.weight_ih_l0"], weights[f"{name}.weight_hh_l0"]
    given = inputs @ own.T + (weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"])
    states = np.empty((*inputs.shape[:2], state.shape[1]))
    for period in range(inputs.shape[1]):
        enter, forget, candidate, leave = np.split(given[:, period] + state @ back.T, 4, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(candidate)
        state = _sigmoid(leave) * np.tanh(cell)
        states[:, period] = state
    return states, state, cell


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * values))
