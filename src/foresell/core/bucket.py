"""What the environment says about an S3-compatible object store; credentials stand nowhere else."""

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
    """The object store as Polars' storage options.

    They are handed over rather than left to Polars because it keeps a store for each address and set of options,
    and would go on with the credentials it saw first.
    """
    found: dict[str, Any] = {name.lower(): os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3"):
        found["aws_endpoint_url"] = endpoint
    if found.get("aws_endpoint_url", "").startswith("http://"):
        found["aws_allow_http"] = "true"
    return {**found, "max_retries": 3}  # a few seconds: what has not come back by then will not soon
