"""How soon does a page stand on a slow phone? A first visit in Chromium, with its CPU slowed down.

Measured as Lighthouse does: first and largest contentful paint, and how long the page, once something is
painted, would not have answered a touch (of each long task, what is beyond 50 ms). What came before the
first paint is told beside it.
"""

import argparse
import math
import shutil
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.harness import Machine, serve
from bench.report import table

LOTS = 24
PHONE: Any = {"width": 390, "height": 844}
# Lighthouse's "slow 4G".
SLOW_NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 204_800, "uploadThroughput": 93_750}
GOALS = {"largest_paint_ms": 2_000, "blocked_ms": 200}
# Nothing that the page still does counts after this long without a request.
SETTLED_MS = 1_500
OBSERVE = """
window.measured = { first: 0, largest: 0, shifted: 0, tasks: [] };
const observe = (type, each) =>
  new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
observe("paint", ({ name, startTime }) => {
  if (name === "first-contentful-paint") measured.first = startTime;
});
observe("largest-contentful-paint", ({ startTime }) => { measured.largest = startTime; });
observe("longtask", ({ startTime, duration }) => { measured.tasks.push([startTime, duration]); });
observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) measured.shifted += value; });
"""


@dataclass(frozen=True)
class Visit:
    """One first visit: milliseconds from its beginning, the layout's shift, bytes over the line."""

    first_paint_ms: float
    largest_paint_ms: float
    blocked_ms: float
    blocked_before_ms: float
    layout_shift: float
    script_bytes: int
    style_bytes: int
    other_bytes: int


def fill(lots: int) -> str:
    """A driver, and lots with slots; return the key of the driver's session."""
    from django.test import Client

    from parking.models import Lot, Slot, User

    owner = User.objects.create(username="omar", password="!", role="owner")
    made = Lot.objects.bulk_create(
        Lot(owner=owner, name=f"Lot {number}", address=f"{number} High Street") for number in range(lots)
    )
    Slot.objects.bulk_create(
        Slot(lot=lot, number=number, vehicle_type="car", hourly_rate=60)
        for lot in made
        for number in range(1, 11)
    )
    client = Client()
    client.force_login(User.objects.create(username="dina", password="!"))
    return client.cookies["sessionid"].value


@contextmanager
def phone(browser: Browser, address: str, session: str) -> Iterator[BrowserContext]:
    """A browser that has never been here, signed in."""
    context = browser.new_context(base_url=f"http://{address}", viewport=PHONE)
    context.add_cookies([{"name": "sessionid", "value": session, "url": f"http://{address}"}])
    context.add_init_script(OBSERVE)
    yield context
    context.close()


def visit(page: Page, path: str, *, cpu: float, slow_network: bool) -> Visit:
    """Open the page once and wait until it is done."""
    devtools = page.context.new_cdp_session(page)
    transferred: Counter[str] = Counter()
    kinds: dict[str, str] = {}
    devtools.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    devtools.on(
        "Network.loadingFinished",
        lambda event: transferred.update(
            {kinds.get(event["requestId"], ""): int(event["encodedDataLength"])}
        ),
    )
    devtools.send("Network.enable")
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": cpu})
    if slow_network:
        devtools.send("Network.emulateNetworkConditions", SLOW_NETWORK)
    page.goto(path, wait_until="networkidle")
    page.wait_for_timeout(SETTLED_MS)
    measured = page.evaluate("measured")
    # Only now: whatever looks for it runs in the page.
    page.get_by_role("banner").get_by_text("Live", exact=True).wait_for(state="attached", timeout=1_000)
    scripts, styles = transferred.pop("Script", 0), transferred.pop("Stylesheet", 0)
    return Visit(
        first_paint_ms=round(measured["first"]),
        largest_paint_ms=round(measured["largest"]),
        blocked_ms=blocked(measured["tasks"], since=measured["first"]),
        blocked_before_ms=blocked(measured["tasks"], until=measured["first"]),
        layout_shift=round(measured["shifted"], 4),
        script_bytes=scripts,
        style_bytes=styles,
        other_bytes=transferred.total(),
    )


def blocked(tasks: list[tuple[float, float]], *, since: float = 0, until: float = math.inf) -> int:
    """For how many milliseconds the page did not answer; of a task that began before, the part that is in."""
    inside = (min(begun + lasted, until) - max(begun, since) for begun, lasted in tasks)
    return round(sum(max(0.0, lasted - 50) for lasted in inside))


def visits(address: str, session: str, options: argparse.Namespace) -> list[Visit]:
    """So many first visits, one after the other; one more before them that does not count."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    made = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(options.rounds + 1):
            with phone(browser, address, session) as context:
                page = context.new_page()
                made.append(visit(page, options.page, cpu=options.cpu, slow_network=options.slow_network))
        browser.close()
    return made[1:]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--page", default="/lots")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu", type=float, default=4, help="how many times slower")
    parser.add_argument("--slow-network", action="store_true", help="as Lighthouse's slow 4G")


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """The medians of all visits, and the worst."""
    made = [asdict(one) for one in visits(serve(here), fill(LOTS), options)]
    names = list(made[0])
    return {
        "page": options.page,
        "cpu": options.cpu,
        "medians": {name: statistics.median(one[name] for one in made) for name in names},
        "worst": {name: max(one[name] for one in made) for name in names},
    }


def report(result: Mapping[str, Any]) -> str:
    """The table."""
    rows = [
        {"": name, "median": f"{found:g}", "worst": f"{result['worst'][name]:g}", "goal": GOALS.get(name, "")}
        for name, found in result["medians"].items()
    ]
    return f"First visits to {result['page']}, CPU {result['cpu']:g} times slower\n\n{table(rows)}"
