"""The CSV file of an upload: the body itself, or one part of a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from foresell.apps.api.problems import Problem

CSV = ("text/csv", "application/csv")
FORM = "multipart/form-data"
PART = "file"


def file_in(request: Request, executor: Executor) -> AsyncIterator[bytes]:
    """The bytes of the uploaded CSV file; a form is parsed in threads of `executor`.

    Raises the problem 415 for another media type, and 400 for a broken form.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.decode("latin-1") in CSV:
        return _body(request)
    if kind.decode("latin-1") == FORM and options.get(b"boundary"):
        return _part(request, options[b"boundary"], executor)
    raise Problem(
        415,
        f"Send the file as text/csv, or as the part '{PART}' of multipart/form-data (curl: -F {PART}=@rows.csv), not "
        f"as '{kind.decode('latin-1')[:80]}'.",
    )


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        if piece:
            yield piece


async def _part(request: Request, boundary: bytes, executor: Executor) -> AsyncIterator[bytes]:
    """The content of the form's part that is a file."""
    try:
        form = _Form(boundary)
    except FormParserError as error:  # such as a boundary that is too long
        raise Problem(400, f"The form cannot be read: {error}") from error
    loop = asyncio.get_running_loop()
    async for piece in request.stream():
        try:
            await loop.run_in_executor(executor, form.parser.write, piece)
        except FormParserError as error:
            raise Problem(400, f"The form cannot be read: {error}") from error
        for content in form.take_pieces():
            yield content
    if not form.ended:
        raise Problem(400, "The form ends before its last boundary; the file may be cut off.")
    if not form.has_file:
        raise Problem(400, f"The form has no part '{PART}' with a file (curl: -F {PART}=@rows.csv).")


class _Form:
    """Collects the content of the first part that is a file or has the name `PART`."""

    def __init__(self, boundary: bytes):
        self.has_file = self.ended = self._in_file = False
        self._pieces: list[bytes] = []
        self._name = self._value = b""
        self._disposition = b""
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def take_pieces(self) -> list[bytes]:
        """The content that arrived since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin(self) -> None:
        self._in_file, self._disposition = False, b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        is_file = b"filename" in options or options.get(b"name") == PART.encode()
        self._in_file = is_file and not self.has_file
        self.has_file |= self._in_file

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        self.ended = True
