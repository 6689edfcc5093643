"""How large the rooms of the house are: files and lines of each folder of the package, as the table of ARCHITECTURE.md.

python benchmarks/rooms.py --write ARCHITECTURE.md
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "foresell"
MARKS = "<!-- rooms -->\n", "<!-- /rooms -->"


def table(package: Path) -> str:
    """One row for each folder that holds Python files: the folder, its files, their lines; the last row is the sum."""
    rows = ["| room | files | lines |", "|---|---|---|"]
    total_files = total_lines = 0
    for folder in sorted({file.parent for file in package.rglob("*.py")}):
        files = list(folder.glob("*.py"))
        lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
        total_files, total_lines = total_files + len(files), total_lines + lines
        rows.append(f"| {folder.relative_to(package.parent).as_posix()} | {len(files)} | {lines:,} |")
    return "\n".join([*rows, f"| all | {total_files} | {total_lines:,} |"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="a document whose table between the marks is replaced")
    arguments = parser.parse_args()
    text = table(PACKAGE)
    print(text)
    if arguments.write:
        begin, end = MARKS
        document = arguments.write.read_text(encoding="utf-8")
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        arguments.write.write_text(re.sub(pattern, begin + text + end, document, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
