"""One Excel sheet, written row by row to a temporary file: memory stays flat however long the list is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

CHUNK = 65_536
MAX_TEXT = 32_767
"""What a cell of Excel can hold."""


class Sheet:
    """``add`` rows, ``finish``, then ``chunks`` once; the file is gone afterwards. ``remove`` gives up."""

    MEDIA_TYPE: ClassVar[str] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, name: str, heads: list[str]) -> None:
        import xlsxwriter  # needed by this door only

        with tempfile.NamedTemporaryFile(prefix="ironbull-", suffix=".xlsx", delete=False) as file:
            self.path = Path(file.name)
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book = xlsxwriter.Workbook(str(self.path), options)
        self._sheet = self._book.add_worksheet(name[:31])
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheet.freeze_panes(1, 0)
        for place, head in enumerate(heads):
            self._sheet.set_column(place, place, 19 if head.endswith("_utc") else max(10, min(len(head) + 4, 30)))
        bold = self._book.add_format({"bold": True})
        self._row = 1
        for place, head in enumerate(heads):
            self._sheet.write_string(0, place, head, bold)

    def add(self, rows: list[list[Any]]) -> None:
        """Write rows below the last one."""
        for row in rows:
            for place, value in enumerate(row):
                self._write(place, value)
            self._row += 1

    def _write(self, place: int, value: Any) -> None:
        if isinstance(value, Decimal | int):
            number = float(value)
            # Excel counts in binary with 15 digits: an amount it would change stays the text it is.
            if Decimal(repr(number)) == value and len(value.as_tuple().digits if isinstance(value, Decimal) else str(value)) <= 15:
                self._sheet.write_number(self._row, place, number)
            else:
                self._sheet.write_string(self._row, place, format(value, "f") if isinstance(value, Decimal) else str(value))
        elif isinstance(value, datetime):
            self._sheet.write_datetime(self._row, place, value, self._time)
        elif value:
            self._sheet.write_string(self._row, place, str(value)[:MAX_TEXT])

    def finish(self) -> None:
        """Close the file."""
        self._book.close()

    def chunks(self) -> Iterator[bytes]:
        """The file in pieces; it is removed at the end."""
        try:
            with self.path.open("rb") as file:
                while piece := file.read(CHUNK):
                    yield piece
        finally:
            self.remove()

    def remove(self) -> None:
        """Forget the file."""
        self.path.unlink(missing_ok=True)
