"""Sample data with the truth beside them: a retailer, a manufacturer's order book, and known faults.

Seeded, of any size, in constant memory. Every item, store, series and customer has random streams of its own: what
it is does not depend on how many others there are, nor on the size of the chunks it was made in.
"""

from foresell.synth.damage import Planted, damage
from foresell.synth.files import SampleFiles
from foresell.synth.manufacturer import make_manufacturer, manufacturer_size
from foresell.synth.retailer import make_retailer, retailer_size

__all__ = [
    "Planted",
    "SampleFiles",
    "damage",
    "make_manufacturer",
    "make_retailer",
    "manufacturer_size",
    "retailer_size",
]
