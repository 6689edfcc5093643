"""The section ``serving``: how the champion answers over HTTP."""

from __future__ import annotations

from typing import Annotated

from foresell.core.settings.base import Columns, Positive, PositiveNumber, RangeProbability, Strict, about


class Serving(Strict, frozen=True):
    """How the champion answers over HTTP. API keys come from the environment or a file, never from here."""

    range: Annotated[RangeProbability, about("the probability that a value lies in the range of /predict")] = 0.9
    log: Annotated[
        str | None,
        about("predictions as JSON lines: a folder or s3://; where not given, results/predictions", "s3://bucket/log"),
    ] = None
    log_rows: Annotated[Positive, about("the log is written when so many rows are waiting")] = 1000
    log_seconds: Annotated[PositiveNumber, about("or when one has waited so long")] = 5.0
    max_body_mb: Annotated[
        PositiveNumber, about("the largest request; CSV uploads are streamed and may be of any size")
    ] = 1.0
    max_rate: Annotated[PositiveNumber, about("requests per second of one client")] = 1000.0
    proxies: Annotated[
        Columns, about("addresses of proxies whose header X-Forwarded-For names the client", ["10.0.0.7"])
    ] = ()
    escape_formulas: Annotated[
        bool, about("puts ' before cells of /predict_batch_csv's answer that a spreadsheet would run as a formula")
    ] = False
    origins: Annotated[Columns, about("web pages that may send requests (CORS)", ["https://shop.example"])] = ()
