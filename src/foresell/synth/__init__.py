"""Sample data with the truth beside them: a retailer, a manufacturer's order book, and known faults in a file.

A sample may have any size and needs constant memory. Every item, store, series and customer has random streams of its
own, so it does not depend on how many others there are, nor on the size of the chunks in which the sample is made.
"""

from foresell.synth.damage import PlantedFault, damage
from foresell.synth.files import SampleFiles
from foresell.synth.manufacturer import make_manufacturer, manufacturer_size
from foresell.synth.retailer import make_retailer, retailer_size

__all__ = [
    "PlantedFault",
    "SampleFiles",
    "damage",
    "make_manufacturer",
    "make_retailer",
    "manufacturer_size",
    "retailer_size",
]
