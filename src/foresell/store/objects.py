"""Objects in a bucket that are not tables, through obstore (extra ``serve``). `foresell.store.tables` has the tables.

The address of the store and the credentials come from the environment; `foresell.core.bucket` has the variables.
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
from foresell.store.tables import first_line

_TIMEOUTS: dict[str, Any] = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=30)}


class Bucket:
    """The objects under ``s3://bucket/prefix``. A failure is raised at once; the caller decides whether to try again.

    Raises UsageError for another kind of address, and NotInstalled when obstore is not installed.
    """

    def __init__(self, address: str):
        name, _, prefix = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not name:
            raise UsageError(f"Found the address {address}; expected s3://bucket/prefix.")
        with importing("serve"):
            from obstore.store import S3Store
        options = {key: value for key, value in s3_options().items() if key != "max_retries"}
        client: Any = {**_TIMEOUTS, "allow_http": options.pop("aws_allow_http", "false") == "true"}
        self.address = address
        with self._store_errors("reached"):
            self._store = S3Store(
                name,
                prefix=prefix.strip("/") or None,
                config=options,  # type: ignore[arg-type]
                client_options=client,
                retry_config={"max_retries": 0},
            )

    def put(self, key: str, file: Path) -> None:
        """Writes the content of `file` as the object `key`, in place of an earlier one. It arrives whole or not at all.

        Raises StoreError when the bucket refuses it, FileNotFoundError when there is no such file.
        """
        import obstore

        if not file.exists():
            raise FileNotFoundError(file)
        with self._store_errors("written"):
            obstore.put(self._store, key, file)

    def get(self, key: str) -> bytes:
        """The content of the object `key`. Raises StoreError."""
        import obstore

        with self._store_errors("read"):
            return bytes(obstore.get(self._store, key).bytes())

    def names(self, prefix: str = "") -> list[str]:
        """The keys of all objects under the folder `prefix`, sorted. Raises StoreError."""
        import obstore

        with self._store_errors("listed"):
            return sorted(entry["path"] for page in obstore.list(self._store, prefix or None) for entry in page)

    @contextmanager
    def _store_errors(self, verb: str) -> Iterator[None]:
        """Turns the errors of obstore into a StoreError that says what to check."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            check = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            raise StoreError(f"{self.address} could not be {verb}: access was refused. {check}") from error
        except FileNotFoundError as error:
            raise StoreError(f"{self.address} could not be {verb}: it does not exist. Check its bucket.") from error
        except (BaseError, OSError, ValueError) as error:
            check = "Check AWS_ENDPOINT_URL, AWS_REGION and the network."
            raise StoreError(f"{self.address} could not be {verb}: {first_line(error)}. {check}") from error
