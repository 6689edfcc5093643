"""Neural networks: a global sequence-to-sequence network of LSTMs with attention, learnt by torch, asked by NumPy."""

from foresell.models.neural.model import Lstm

__all__ = ["Lstm"]
