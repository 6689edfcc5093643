"""How long the pages of the dashboard take, and how much memory it needs, beside the smallest page of Streamlit.

    python benchmarks/dashboard/speed.py --project M5_PROJECT

PROJECT is one with a forecast of many series, such as benchmarks/m5/rolling.py makes. Each page is opened once to warm
the server, and then ten times in a browser, from the address to the end of the script; then searches are typed, other
ones each time. `Why` and `What if` ask the models and are not waited for. Writes SPEED.md beside itself.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from playwright.sync_api import Page
from server import DONE, address_of, browser, open_and_wait, serving

from foresell.apps.dashboard.launch import arguments
from foresell.apps.dashboard.pages import PAGES
from foresell.pipeline.project import Project

HERE = Path(__file__).resolve().parent
TIMES = 10
LEFT_OUT = ("why", "what-if")  # they ask the models, which are loaded first

SEARCHES = {"today": "Search", "forecast": "Find a group or a series", "exceptions": "Search"}
"""The pages with a search, and the label of its field."""


def search(page: Page, label: str, text: str) -> float:
    """Types a search; returns the seconds until the script that answers it has ended."""
    field = page.get_by_role("textbox", name=label, exact=True).first
    field.fill(text)
    begun = time.perf_counter()
    field.press("Enter")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="running"]', timeout=10_000)
    page.wait_for_selector(DONE)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    asked = parser.parse_args()
    series = Project(asked.project).panel.n_series
    rows = []
    with browser() as chromium:
        page = chromium.new_page()
        flags = [word for word in arguments("127.0.0.1", 1, browser=False)[2:] if "port" not in word]
        small = ("-m", "streamlit", "run", str(HERE / "smallest_page.py"), *flags, "--server.port={port}")
        with serving(*small) as served:
            times = [open_and_wait(page, served.address) for _ in range(TIMES + 1)]
            rows.append(("smallest page of Streamlit", times, served.peak_megabytes()))
        command = ("-m", "foresell", "dashboard", str(asked.project), "--port", "{port}", "--no-browser", "--quiet")
        with serving(*command) as served:
            for path in (path for path in PAGES if path not in LEFT_OUT):
                times = [open_and_wait(page, address_of(served.address, path)) for _ in range(TIMES + 1)]
                rows.append((path, times, served.peak_megabytes()))
                print(path, [f"{each:.2f}" for each in times], flush=True)
                if path in SEARCHES:
                    times = [search(page, SEARCHES[path], f"{1 + number:03}") for number in range(TIMES + 1)]
                    rows.append((f"{path}: a search", times, served.peak_megabytes()))
    lines = [f"# The dashboard over {series:,} series", "", "Made by `benchmarks/dashboard/speed.py`.", ""]
    lines += [
        "| page | first, s | then: median of ten, s | slowest, s | peak memory so far, MB |",
        "|---|---|---|---|---|",
    ]
    for name, (first, *later), peak in rows:
        lines.append(f"| {name} | {first:.2f} | {statistics.median(later):.2f} | {max(later):.2f} | {peak:.0f} |")
    (asked.out / "SPEED.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
