"""What the console says fails a test: else none of them would mean what it says of it."""

import pytest

from tests.browser.client import someone

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]

INLINE_SCRIPT = "document.body.append(Object.assign(document.createElement('script'), { text: '0' }))"
EXCEPTION = "setTimeout(() => { throw new Error('uncaught') })"


async def misbehave(browser, site, *, code: str, until: str) -> None:
    async with someone(browser, site) as strangers:
        page = await strangers.new_page()
        await page.goto("/")
        async with page.expect_event(until):
            await page.evaluate(code)


async def test_a_breach_of_the_content_policy_fails_its_test(site, browser):
    with pytest.raises(AssertionError, match="breach of the policy: script-src"):
        await misbehave(browser, site, code=INLINE_SCRIPT, until="console")


async def test_an_exception_that_nobody_caught_fails_its_test(site, browser):
    with pytest.raises(AssertionError, match="uncaught"):
        await misbehave(browser, site, code=EXCEPTION, until="pageerror")
