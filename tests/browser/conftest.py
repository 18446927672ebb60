"""A real browser before a box of real processes. Without Chromium: skipped here, a failure in CI."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.live.box import ROOT, Box
from tests.live.conftest import box, boxes, migrated

__all__ = ["box", "browser", "built", "migrated", "photograph", "site"]

# How long a test waits for what it expects, in milliseconds: a machine may be busy.
expect.set_options(timeout=15_000)

REAL_TIMES = {"PARKMATE_WARNING_LEAD_SECONDS": "300", "PARKMATE_RENEWAL_WINDOW_SECONDS": "600"}


def chromium() -> str:
    """Where Debian's is: Playwright's own is not downloaded."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        missing = "There is no Chromium here (Debian, Ubuntu: apt install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    # Chromium's own sandbox refuses to run as root.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=args)
        yield opened
        await opened.close()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser of the test's own."""
    async with launched() as opened:
        yield opened


@pytest.fixture(scope="session")
def built() -> None:
    """The box serves the client as `make client` has built it."""
    if not (ROOT / "frontend/dist/manifest.json").exists():
        missing = "The web client has not been built (make client)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)


@pytest.fixture(scope="session")
def site(built: None, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """One box for all tests that break nothing in it: the times of a real site, people of each test's own."""
    with boxes(migrated, tmp_path_factory.mktemp("site")) as start:
        started = start(**REAL_TIMES)
        # It says what a test wants said: see `tell`.
        started.commands["worker"] += " --include tests.live.announcing"
        started.start("web", "worker", "sweeper")
        yield started


@pytest.fixture
def photograph() -> Callable[..., Awaitable[None]]:
    """Keep a picture of the page, or of its window, if PARKMATE_SCREENSHOTS names a directory for it."""
    directory = os.environ.get("PARKMATE_SCREENSHOTS")

    async def photograph(page: Page, name: str, *, whole: bool = True) -> None:
        if directory:
            file = re.sub(r"\W+", "-", name).strip("-") + ".png"
            # What moves is shown where it comes to rest.
            await page.screenshot(path=Path(directory) / file, full_page=whole, animations="disabled")

    return photograph
