"""A real browser before a box of real processes. Without Chromium: skipped here, a failure in CI."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.live.conftest import box, migrated

__all__ = ["box", "browser", "migrated", "photograph"]


def chromium() -> str:
    """Where Debian's is: Playwright's own is not downloaded."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        missing = "There is no Chromium here (Debian, Ubuntu: apt install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, without a window."""
    # Chromium's own sandbox refuses to run as root.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=args)
        yield opened
        await opened.close()


@pytest.fixture
def photograph() -> Callable[[Page, str], Awaitable[None]]:
    """Keep a picture of the whole page, if PARKMATE_SCREENSHOTS names a directory for it."""
    directory = os.environ.get("PARKMATE_SCREENSHOTS")

    async def photograph(page: Page, name: str) -> None:
        if directory:
            file = re.sub(r"\W+", "-", name).strip("-") + ".png"
            await page.screenshot(path=Path(directory) / file, full_page=True)

    return photograph
