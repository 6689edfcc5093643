"""The address and credentials of an S3-compatible object store, which are read from environment variables only."""

from __future__ import annotations

import os
from typing import Any

VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
)


def s3_options() -> dict[str, Any]:
    """The storage options of Polars for the object store.

    Polars would read the environment too. But it keeps one connection for each address and set of options, so without
    explicit options it would go on with the credentials that it read first.
    """
    options: dict[str, Any] = {name.lower(): os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3"):
        options["aws_endpoint_url"] = endpoint
    if options.get("aws_endpoint_url", "").startswith("http://"):
        options["aws_allow_http"] = "true"
    return {**options, "max_retries": 3}  # these take a few seconds; a longer outage is reported
