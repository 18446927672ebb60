import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { LONGEST_WAIT } from "./connection";
import { readFrame } from "./protocol";
import { Browser } from "./simulation";

let browser: Browser;
beforeEach(() => {
  browser = new Browser();
});

const upTo = (head: number) => Array.from({ length: head }, (_, index) => index + 1);

describe("one tab", () => {
  test("connects, is live, and knows the server's clock", () => {
    const { tab } = browser.open();
    expect(tab.snapshot).toEqual({ state: { name: "live" }, offset: 3_600_000, unread: 0 });
  });

  test("comes back with its position and epoch", () => {
    browser.open();
    browser.server.tell();
    browser.pass(0);
    browser.server.line?.cut(1006);
    browser.pass(0);
    expect(browser.server.line?.position).toEqual({ after: 1, epoch: "first" });
  });

  test("says since when the line is lost, through all that it tries", () => {
    browser.open();
    browser.pass(1_000);
    browser.server.reachable = false;
    browser.server.line?.cut(1006);
    browser.pass(60_000);
    expect(browser.state).toEqual({ name: "reconnecting", since: 1_001 });
  });

  test("waits at random, longer each time, and never more than 20 s", () => {
    browser.open();
    browser.server.reachable = false;
    browser.random = 1;
    browser.server.line?.cut(1012);
    browser.pass(10 * 60_000);
    const tries = browser.server.wires.length;
    expect(tries).toBeGreaterThan(600_000 / (LONGEST_WAIT + 1_000));
    expect(tries).toBeLessThan(600_000 / LONGEST_WAIT + 8);
  });

  test("comes back at once when the network does", () => {
    const { tab } = browser.open();
    Object.assign(browser, { online: false });
    browser.server.reachable = false;
    browser.random = 1;
    browser.server.line?.cut(1006);
    browser.pass(120_000);
    expect(browser.state?.name).toBe("offline");
    browser.online = browser.server.reachable = true;
    tab.wake();
    browser.pass(0);
    expect(browser.state).toEqual({ name: "live" });
  });

  test.each([4401, 4403])("stops for good on %i", (code) => {
    const { tab } = browser.open();
    browser.server.line?.cut(code);
    browser.pass(120_000);
    tab.wake();
    browser.pass(120_000);
    expect(browser.state).toEqual({ name: "stopped", code });
    expect(browser.server.wires).toHaveLength(1);
  });

  test("finds a dead line within half a minute, and within a second of waking", () => {
    const { tab } = browser.open();
    Object.assign(browser.server.line ?? {}, { dead: true });
    browser.pass(25_000);
    browser.pass(0);
    expect(browser.state).toEqual({ name: "live" });
    expect(browser.server.wires).toHaveLength(2);
    browser.pass(10_000);
    Object.assign(browser.server.line ?? {}, { dead: true });
    tab.wake();
    browser.pass(1_000);
    browser.pass(1);
    expect(browser.server.wires).toHaveLength(3);
    expect(browser.state).toEqual({ name: "live" });
  });

  test("asks for the time anew once the device's clock was set", () => {
    const { tab } = browser.open();
    const { offset } = tab.snapshot;
    browser.set = -7_200_000;
    browser.pass(20_000);
    browser.pass(1_000);
    expect(Math.abs(tab.snapshot.offset - offset - 7_200_000)).toBeLessThan(1_001);
  });

  test("acknowledges what was given, at most every two seconds", () => {
    browser.open();
    const line = browser.server.line;
    for (let count = 0; count < 100; count += 1) {
      browser.server.tell();
      browser.pass(100);
    }
    browser.pass(2_000);
    expect(browser.server.acked).toBe(100);
    expect(line?.said.filter(({ type }) => type === "ack").length).toBeLessThan(8);
  });

  test("asks without its position, once the server did not understand that", () => {
    browser.open();
    browser.server.tell();
    browser.pass(0);
    browser.server.line?.cut(4400);
    browser.pass(1_000);
    browser.pass(0);
    expect(browser.server.line?.position).toBeNull();
    browser.server.line?.cut(1012);
    browser.pass(5_000);
    expect(browser.server.line?.position).not.toBeNull();
  });
});

describe("several tabs", () => {
  test("have one line, and a notice is shown in one of them", () => {
    const tabs = [browser.open(), browser.open(), browser.open()];
    browser.server.tell();
    browser.pass(0);
    expect(browser.server.wires).toHaveLength(1);
    expect(browser.shown).toEqual([1]);
    expect(tabs.map(({ given }) => given)).toEqual([[1], [1], [1]]);
    expect(tabs.map(({ tab }) => tab.snapshot.state.name)).toEqual(["live", "live", "live"]);
    expect(tabs.map(({ tab }) => tab.snapshot.offset)).toEqual([3_600_000, 3_600_000, 3_600_000]);
  });

  test("show it in the tab that is looked at", () => {
    const [first, second] = [browser.open(), browser.open()];
    // A third that opens makes all of them say where they are.
    Object.assign(browser.open(), { visible: false }).tab.looksChanged();
    Object.assign(second, { visible: false });
    second.tab.looksChanged();
    browser.server.tell();
    browser.pass(0);
    Object.assign(first, { visible: false });
    first.tab.looksChanged();
    Object.assign(second, { visible: true });
    second.tab.looksChanged();
    browser.server.tell();
    browser.pass(0);
    expect(browser.shownIn).toEqual([first.id, second.id]);
  });

  test("agree on how many notices are unread, whichever of them has asked", () => {
    const [first, second] = [browser.open(), browser.open()];
    browser.server.tell();
    browser.pass(0);
    second.tab.learnUnread(0);
    // The same frame again tells nothing new.
    browser.server.line?.onmessage?.(JSON.stringify({ seq: 1, message: "Notice 1", unread: 1 }));
    expect([first, second].map(({ tab }) => tab.snapshot.unread)).toEqual([0, 0]);
  });

  test("hand over when the one that leads dies, without a notice lost or doubled", () => {
    const [first, second] = [browser.open(), browser.open()];
    browser.server.tell();
    browser.pass(0);
    first.close();
    browser.server.tell();
    browser.pass(0);
    expect(second.tab.leads).toBe(true);
    expect(browser.shown).toEqual([1, 2]);
  });
});

describe("whatever happens", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant(["tell"] as const) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("deliver" as const), fc.nat(3)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("pass" as const), fc.integer({ min: 1, max: 30_000 })) },
    fc.tuple(fc.constant("cut" as const), fc.constantFrom(1006, 1012, 4400, 4429)),
    fc.constantFrom(["die"] as const, ["drop"] as const, ["double"] as const, ["swap"] as const),
    fc.constantFrom(["open"] as const, ["unreachable"] as const, ["reachable"] as const, ["wake"] as const),
    fc.tuple(fc.constant("close" as const), fc.nat(5)),
    fc.tuple(fc.constant("look" as const), fc.nat(5)),
  );

  test("each notice is shown once, in order, in one tab; and no tab is given one twice", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, random) => {
        const browser = new Browser();
        browser.random = random;
        browser.open();
        const tabs = [...browser.tabs];
        for (const [what, amount = 0] of steps) {
          const line = browser.server.line;
          const numbered = line?.queue.findIndex((text) => readFrame(text).kind === "notice") ?? -1;
          // A socket keeps its order. Without a position that is all there is to go by.
          const faulty = line?.position && numbered >= 0 ? line.queue : [];
          const pick = browser.tabs[amount % Math.max(1, browser.tabs.length)];
          if (what === "tell") browser.server.tell();
          if (what === "deliver") line?.deliver(amount);
          if (what === "pass") browser.pass(amount);
          if (what === "cut") line?.cut(amount);
          if (what === "die" && line) line.dead = true;
          if (what === "drop") faulty.splice(numbered, 1);
          if (what === "double") faulty.splice(numbered, 0, ...faulty.slice(numbered, numbered + 1));
          if (what === "swap" && faulty.length > numbered + 1) faulty.splice(numbered, 2, ...faulty.slice(numbered, numbered + 2).reverse());
          if (what === "unreachable" || what === "reachable") browser.server.reachable = what === "reachable";
          if (what === "wake") pick?.tab.wake();
          if (what === "open" && browser.tabs.length < 5) tabs.push(browser.open());
          if (what === "close") pick?.close();
          if (what === "look" && pick) {
            pick.visible = !pick.visible;
            pick.tab.looksChanged();
          }
        }
        browser.server.reachable = true;
        if (!browser.tabs.length) tabs.push(browser.open());
        browser.settle();
        // A dropped frame after which nothing came is found by the next.
        browser.server.tell();
        browser.settle();
        expect(browser.shown).toEqual(upTo(browser.server.head));
        for (const { given } of tabs) expect(given).toEqual([...new Set(given)].sort((a, b) => a - b));
        expect(browser.server.wires.filter(({ open }) => open)).toHaveLength(1);
      }),
      { numRuns: 1_000 },
    );
  });
});
