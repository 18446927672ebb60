"""While the clock stands, open pages say that notices may be late; and stop saying so by themselves."""

import pytest
from playwright.async_api import expect

from tests.browser.client import light, one_more, signed_in
from tests.live.box import Person

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("built"),
    pytest.mark.slow,
]


async def test_dina_reads_that_notices_may_be_late_while_nobody_sweeps(box, browser, photograph):
    live = box("web", "sweeper")
    async with (
        Person.register(live, one_more("dina")) as dina,
        signed_in(browser, live, dina, at="/lots", forgiven=" 503 ") as page,
    ):
        await expect(light(page)).to_contain_text("Live")
        words = page.get_by_role("status").filter(has_text="Notices may be late")
        await expect(words).to_have_count(0)
        live.kill("sweeper")
        await expect(words).to_be_visible(timeout=20_000)
        await photograph(page, "notices may be late")
        live.start("sweeper")
        await expect(words).to_have_count(0, timeout=30_000)
