"""Names of columns as people write them, in one spelling."""

from __future__ import annotations

import re
import unicodedata


def plain(name: str) -> str:
    """The name in lower case with underscores, without accents and without what stands in brackets.

    >>> plain("UnitSales"), plain(" Stück (Anz.) "), plain("Store-ID")
    ('unit_sales', 'stuck', 'store_id')
    """
    text = re.sub(r"[\(\[].*?[\)\]]", "", str(name)).strip()
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
