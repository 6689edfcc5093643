"""Pictures of every page of the dashboard: wide and narrow, light and dark.

    python benchmarks/dashboard/screens.py --project demo --out build/screens

PROJECT should have a forecast and plans. A picture is as long as its page. Where something reaches over the side of a
narrow screen, or a page shows an exception of Python or asks another server, it is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from server import address_of, browser, open_and_wait, serving

from foresell.apps.dashboard.pages import PAGES

SIZES = {"wide": (1360, 900), "narrow": (390, 844)}
COLOURS = ("light", "dark")
SETTLED = 1500  # milliseconds in which charts are drawn
OVER = "() => document.querySelector('[data-testid=\"stMain\"]').scrollWidth - window.innerWidth"


def elsewhere(address: str, own: str, faults: list[str]) -> None:
    """Notes an address that is not the server's: a page fetches nothing from anywhere else."""
    if not address.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
        faults.append(f"{address} was asked for")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--page", action="append", choices=list(PAGES), help="this page only; may be given again")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    faults = []
    command = ("-m", "foresell", "dashboard", str(asked.project), "--port", "{port}", "--no-browser", "--quiet")
    with serving(*command) as served, browser() as chromium:
        for size, (width, height) in SIZES.items():
            for colour in COLOURS:
                context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=colour)
                page = context.new_page()
                page.on("request", lambda request: elsewhere(request.url, served.address, faults))
                for path in asked.page or PAGES:
                    open_and_wait(page, address_of(served.address, path))
                    page.wait_for_timeout(SETTLED)
                    over = page.evaluate(OVER)
                    if over > 0:
                        faults.append(f"{path}, {size}: {over} pixels over the side")
                    if page.locator('[data-testid="stException"]').count():
                        faults.append(f"{path}, {size}, {colour}: an exception")
                    tall = page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
                    page.set_viewport_size({"width": width, "height": max(height, min(tall, 12_000))})
                    page.wait_for_timeout(SETTLED // 3)
                    page.screenshot(path=asked.out / f"{path}-{size}-{colour}.png")
                    page.set_viewport_size({"width": width, "height": height})
                context.close()
    print("\n".join(faults) or f"The pictures are in {asked.out}.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
