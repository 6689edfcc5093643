"""Plain objects of a bucket, through obstore (extra ``serve``); tables have `foresell.store.tables`.

The bucket is reached with what the environment says, as everywhere: see `foresell.core.bucket`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from foresell.core.bucket import s3_options
from foresell.core.errors import StoreError, UsageError
from foresell.core.extras import importing

TIMES: dict[str, Any] = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=30)}


class Bucket:
    """The objects under ``s3://bucket/prefix``. Whoever uses it tries again; it does not.

    Raises UsageError for another address, and NotInstalled when obstore is not installed.
    """

    def __init__(self, address: str):
        name, _, prefix = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not name:
            raise UsageError(f"Found the address {address}; expected s3://bucket/prefix.")
        with importing("serve"):
            from obstore.store import S3Store
        options = {key: value for key, value in s3_options().items() if key != "max_retries"}
        client: Any = {**TIMES, "allow_http": options.pop("aws_allow_http", "false") == "true"}
        self.address = address
        with self._explained("reached"):
            self._store = S3Store(
                name,
                prefix=prefix.strip("/") or None,
                config=options,  # type: ignore[arg-type]
                client_options=client,
                retry_config={"max_retries": 0},
            )

    def put(self, key: str, file: Path) -> None:
        """Makes the content of `file` the object `key`, whole or not at all; twice is as good as once.

        Raises StoreError when the bucket does not take it, FileNotFoundError when there is no such file.
        """
        import obstore

        if not file.exists():
            raise FileNotFoundError(file)
        with self._explained("written"):
            obstore.put(self._store, key, file)

    def get(self, key: str) -> bytes:
        """The content of the object `key`. Raises StoreError."""
        import obstore

        with self._explained("read"):
            return bytes(obstore.get(self._store, key).bytes())

    def names(self, prefix: str = "") -> list[str]:
        """The keys of all objects under the folder `prefix`, sorted. Raises StoreError."""
        import obstore

        with self._explained("listed"):
            return sorted(each["path"] for chunk in obstore.list(self._store, prefix or None) for each in chunk)

    @contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            who = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            raise StoreError(f"{self.address} could not be {verb}: access was refused. Check {who}.") from error
        except FileNotFoundError as error:
            raise StoreError(f"{self.address} could not be {verb}: it is not there. Check its bucket.") from error
        except (BaseError, OSError, ValueError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            where = "Check AWS_ENDPOINT_URL, AWS_REGION and the network."
            raise StoreError(f"{self.address} could not be {verb}: {reason}. {where}") from error
