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

  test.each([4401, 4403])("stops for good on %i, signed out", (code) => {
    const { tab } = browser.open();
    browser.server.signedIn = false;
    browser.server.line?.cut(code);
    browser.pass(120_000);
    tab.wake();
    browser.pass(120_000);
    expect(browser.state).toEqual({ name: "stopped", code });
    expect(browser.server.wires).toHaveLength(1);
  });

  test("comes back after 4401 if still signed in, and not at once each time", () => {
    browser.open();
    browser.random = 1;
    // Another password: the session holds, its sockets do not; and a server that never lets it in.
    for (let second = 0; second < 600; second += 1) {
      browser.server.line?.cut(4401);
      browser.pass(1_000);
    }
    expect(browser.server.wires.length).toBeLessThan(40);
    browser.pass(LONGEST_WAIT);
    browser.pass(0);
    expect(browser.state).toEqual({ name: "live" });
  });

  test("finds, stopped by 4401, that somebody has signed in again", () => {
    const { tab } = browser.open();
    browser.server.signedIn = false;
    browser.server.line?.cut(4401);
    browser.server.signedIn = true;
    tab.wake();
    browser.pass(0);
    expect(browser.state).toEqual({ name: "live" });
  });

  test("says that it reconnects as soon as the network is back, and not that it is offline", () => {
    const { tab } = browser.open();
    browser.online = browser.server.reachable = false;
    browser.server.line?.cut(1006);
    expect(browser.state?.name).toBe("offline");
    browser.online = true;
    tab.wake();
    expect(browser.state?.name).toBe("reconnecting");
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

  test.each([true, false])("is current within two seconds of waking from an hour's sleep (told of it: %s)", (told) => {
    const open = browser.open(["lot:5"]);
    browser.server.tell();
    browser.settle();
    const { offset } = open.tab.snapshot;
    browser.sleep(3_600_000);
    browser.server.tell();
    browser.server.change("lot:5");
    if (told) open.look(true);
    for (let tenth = 0; tenth < 20; tenth += 1) browser.pass(100);
    expect(browser.state).toEqual({ name: "live" });
    expect(browser.shown).toEqual([1, 2]);
    expect(open.drawn.get("lot:5")).toBe(1);
    expect(Math.abs(open.tab.snapshot.offset - offset)).toBeLessThan(101);
  });

  test("asks for the time anew once the device's clock was set", () => {
    const { tab } = browser.open();
    const { offset } = tab.snapshot;
    browser.set = -7_200_000;
    for (let second = 0; second < 3; second += 1) browser.pass(1_000);
    expect(Math.abs(tab.snapshot.offset - offset - 7_200_000)).toBeLessThan(1_001);
  });

  test("acknowledges what was given, at most every 2.5 seconds", () => {
    browser.open();
    const line = browser.server.line;
    for (let count = 0; count < 100; count += 1) {
      browser.server.tell();
      browser.pass(100);
    }
    browser.pass(2_500);
    expect(browser.server.acked).toBe(100);
    expect(line?.said.filter(({ type }) => type === "ack").length).toBeLessThan(6);
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

  test("all say the same of the line, in each of its states", () => {
    browser.open();
    browser.open();
    const said = () => browser.tabs.map(({ tab }) => tab.snapshot.state.name);
    browser.random = 1;
    browser.server.reachable = false;
    browser.server.line?.cut(1012);
    expect(said()).toEqual(["reconnecting", "reconnecting"]);
    browser.online = false;
    for (const { tab } of browser.tabs) tab.networkLost();
    expect(said()).toEqual(["offline", "offline"]);
    browser.online = browser.server.reachable = true;
    browser.tabs[1]?.tab.wake();
    browser.pass(0);
    expect(said()).toEqual(["live", "live"]);
    browser.server.signedIn = false;
    browser.server.line?.cut(4401);
    expect(said()).toEqual(["stopped", "stopped"]);
  });

  test("agree on how many notices are unread, whichever of them has asked", () => {
    const [first, second] = [browser.open(), browser.open()];
    browser.server.tell();
    browser.pass(0);
    second.tab.learnUnread({ unread: 0, seq: 1, epoch: "first" });
    // The same frame again tells nothing new.
    browser.server.line?.onmessage?.(JSON.stringify({ seq: 1, message: "Notice 1", unread: 1 }));
    expect([first, second].map(({ tab }) => tab.snapshot.unread)).toEqual([0, 0]);
  });

  test("take no count that was made before the last notice", () => {
    const [first, second] = [browser.open(), browser.open()];
    const old = browser.server.count();
    browser.server.tell();
    browser.pass(0);
    expect([first, second].map(({ tab }) => tab.snapshot.unread)).toEqual([1, 1]);
    expect(second.tab.learnUnread(old)).toBe(false);
    expect([first, second].map(({ tab }) => tab.snapshot.unread)).toEqual([1, 1]);
  });

  test("have nothing unread once all is read on another device", () => {
    const tabs = [browser.open(["me"]), browser.open(["me"])];
    browser.server.tell();
    browser.pass(10_000);
    expect(tabs.map(({ tab }) => tab.snapshot.unread)).toEqual([1, 1]);
    browser.server.readAll();
    browser.pass(200);
    browser.pass(200);
    expect(tabs.map(({ tab }) => tab.snapshot.unread)).toEqual([0, 0]);
  });

  test("have one line again after one that leads was frozen, and none is left without", () => {
    const [first, second] = [browser.open(["me"]), browser.open(["lot:5"])];
    first.freeze();
    second.look(true);
    browser.pass(3_000);
    browser.server.change("lot:5");
    browser.server.tell();
    browser.pass(1_000);
    expect(second.tab.leads).toBe(true);
    expect(second.drawn.get("lot:5")).toBe(1);
    expect(second.given).toEqual([1]);
    first.thaw();
    browser.settle();
    expect([first, second].map(({ tab }) => tab.leads)).toEqual([false, true]);
    expect(browser.server.wires.filter(({ open }) => open)).toHaveLength(1);
    expect(first.tab.snapshot.state).toEqual({ name: "live" });
    expect(browser.shown).toEqual([1]);
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

describe("what is followed", () => {
  const followed = () => [...(browser.server.line?.topics ?? [])].sort();
  const follows = () => browser.server.line?.said.filter(({ type }) => type === "follow") ?? [];

  test("is what any of the tabs draws, and of a tab that is gone no longer", () => {
    const [, second] = [browser.open(["me", "lot:1"]), browser.open(["me", "desk"])];
    browser.pass(4_000);
    expect(followed()).toEqual(["desk", "lot:1", "me"]);
    second.close();
    browser.pass(4_000);
    expect(followed()).toEqual(["lot:1", "me"]);
  });

  test("is said at once, and then every three seconds at most", () => {
    const open = browser.open(["lot:0"]);
    browser.pass(10_000);
    for (let lot = 1; lot <= 60; lot += 1) {
      open.follow([`lot:${String(lot)}`]);
      browser.pass(100);
    }
    expect(follows().map(({ topics }) => topics)).toEqual([["lot:0"], ["lot:1"], ["lot:30"], ["lot:60"]]);
  });

  test("is not said when a page gives way to another that draws the same", () => {
    const open = browser.open(["lot:1", "lot:2"]);
    browser.pass(10_000);
    open.follow([]);
    browser.pass(500);
    open.follow(["lot:1", "lot:2"]);
    browser.pass(10_000);
    expect(follows()).toHaveLength(1);
  });

  test("is of too many lots what was looked at last", () => {
    const lots = (from: number) => Array.from({ length: 80 }, (_, index) => `lot:${String(from + index)}`);
    const [first, second] = [browser.open(["me", ...lots(0)]), browser.open(["me", ...lots(200)])];
    browser.pass(10);
    first.look(false);
    second.look(true);
    browser.pass(4_000);
    expect(followed()).toHaveLength(100);
    expect(followed()).toEqual(expect.arrayContaining(["me", ...lots(200)]));
  });

  test("is read anew when it changes, in every tab that draws it, and nothing else is", () => {
    const [first, second] = [browser.open(["lot:1", "lot:2"]), browser.open(["lot:1"])];
    browser.pass(10_000);
    for (const tab of [first, second]) tab.rereads.length = 0;
    browser.server.change("lot:1");
    browser.pass(1_000);
    expect([first, second].map(({ rereads }) => rereads)).toEqual([[["lot:1"]], [["lot:1"]]]);
    expect([first, second].map(({ drawn }) => drawn.get("lot:1"))).toEqual([1, 1]);
  });

  test("is read in a hidden tab once somebody looks at it", () => {
    const open = browser.open(["lot:1"]);
    browser.pass(10_000);
    open.look(false);
    browser.server.change("lot:1");
    browser.pass(10_000);
    expect(open.drawn.get("lot:1")).toBe(0);
    open.look(true);
    browser.pass(200);
    expect(open.drawn.get("lot:1")).toBe(1);
  });

  test("that changes all the time is read twice a second at most", () => {
    const open = browser.open(["lot:1"]);
    browser.pass(10_000);
    open.rereads.length = 0;
    for (let count = 0; count < 100; count += 1) {
      browser.server.change("lot:1");
      browser.pass(100);
    }
    expect(open.rereads.length).toBeGreaterThan(10);
    expect(open.rereads.length).toBeLessThan(21);
  });

  test("and could not be read is tried again, ever later", () => {
    const open = browser.open(["lot:1"]);
    browser.pass(10_000);
    browser.server.reachable = false;
    browser.server.change("lot:1");
    browser.pass(60_000);
    expect(open.drawn.get("lot:1")).toBe(0);
    browser.server.reachable = true;
    browser.pass(20_000);
    expect(open.drawn.get("lot:1")).toBe(1);
  });

  test("by a server that tells of no changes is read with every notice, and asked for once", () => {
    browser.server.tellsChanges = false;
    const open = browser.open(["lot:1"]);
    browser.pass(10_000);
    open.follow(["lot:2"]);
    browser.pass(10_000);
    expect(follows()).toHaveLength(1);
    open.rereads.length = 0;
    browser.server.change("lot:2");
    browser.server.tell();
    browser.pass(1_000);
    expect(open.rereads).toEqual([null]);
    expect(open.drawn.get("lot:2")).toBe(1);
  });
});

describe("whatever happens", () => {
  const DRAWN = [["me"], ["me", "lot:1"], ["me", "lot:1", "lot:2"], ["me", "lot:3"], ["me", "desk"]] as const;
  const TOPICS = ["me", "desk", "lot:1", "lot:2", "lot:3"];
  const usual = [
    { weight: 6, arbitrary: fc.constant(["tell"] as const) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("deliver" as const), fc.nat(3)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("pass" as const), fc.integer({ min: 1, max: 30_000 })) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("change" as const), fc.nat(4)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("follow" as const), fc.nat(24)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("cut" as const), fc.constantFrom(1006, 1012, 4400, 4401, 4429)) },
    { weight: 1, arbitrary: fc.constantFrom(["die"] as const, ["drop"] as const, ["double"] as const, ["swap"] as const) },
    { weight: 1, arbitrary: fc.constantFrom(["open"] as const, ["unreachable"] as const, ["reachable"] as const) },
    { weight: 1, arbitrary: fc.constantFrom(["wake"] as const, ["readAll"] as const, ["sleep"] as const) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("close" as const, "look" as const), fc.nat(5)) },
  ];
  const freezing = fc.tuple(fc.constantFrom("freeze" as const, "thaw" as const), fc.nat(5));
  type Step = readonly [string, number?];

  function live(steps: readonly Step[], random: number) {
    const browser = new Browser();
    browser.random = random;
    const tabs = [browser.open(DRAWN[0])];
    for (const step of steps) {
      const opened = take(browser, step);
      if (opened) tabs.push(opened);
    }
    browser.server.reachable = true;
    if (!browser.tabs.length) tabs.push(browser.open(DRAWN[1]));
    for (const tab of browser.tabs) if (tab.frozen) tab.thaw();
    browser.settle();
    // A dropped frame after which nothing came is found by the next.
    browser.server.tell();
    browser.settle();
    for (const tab of browser.tabs) tab.look(true);
    browser.settle();
    return { browser, tabs };
  }

  function take(browser: Browser, [what, amount = 0]: Step) {
    const line = browser.server.line;
    const numbered = line?.queue.findIndex((text) => readFrame(text).kind === "notice") ?? -1;
    // A socket keeps its order. Without a position that is all there is to go by.
    const faulty = line?.position && numbered >= 0 ? line.queue : [];
    const pick = browser.tabs[amount % Math.max(1, browser.tabs.length)];
    if (what === "tell") browser.server.tell();
    if (what === "change") browser.server.change(TOPICS[amount] ?? "me");
    if (what === "readAll") browser.server.readAll();
    if (what === "deliver") line?.deliver(amount);
    if (what === "pass") browser.pass(amount);
    if (what === "cut") line?.cut(amount);
    if (what === "die" && line) line.dead = true;
    if (what === "sleep") browser.sleep(3_600_000);
    if (what === "drop") faulty.splice(numbered, 1);
    if (what === "double") faulty.splice(numbered, 0, ...faulty.slice(numbered, numbered + 1));
    if (what === "swap" && faulty.length > numbered + 1) faulty.splice(numbered, 2, ...faulty.slice(numbered, numbered + 2).reverse());
    if (what === "unreachable" || what === "reachable") browser.server.reachable = what === "reachable";
    if (what === "open" && browser.tabs.length < 5) return browser.open(DRAWN[browser.tabs.length]);
    if (what === "close") pick?.close();
    if (what === "thaw" && pick?.frozen) pick.thaw();
    if (!pick || pick.frozen) return null;
    if (what === "wake") pick.tab.wake();
    if (what === "follow") pick.follow(DRAWN[Math.floor(amount / 5)] ?? []);
    if (what === "look") pick.look(!pick.visible);
    if (what === "freeze") pick.freeze();
    return null;
  }

  function expectAllCurrent({ server, tabs }: Browser) {
    const [line, ...more] = server.wires.filter(({ open }) => open);
    expect(more).toEqual([]);
    expect([...(line?.topics ?? [])].sort()).toEqual([...new Set(tabs.flatMap(({ topics }) => topics))].sort());
    for (const { tab, topics, drawn } of tabs) {
      expect(topics.map((topic) => [topic, drawn.get(topic)])).toEqual(topics.map((topic) => [topic, server.version(topic)]));
      expect(tab.snapshot.unread).toBe(server.count().unread);
      expect(tab.snapshot.state.name).toBe("live");
    }
  }

  function expectFewMessages({ server }: Browser) {
    for (const { saidAt } of server.wires) {
      const busiest = Math.max(0, ...saidAt.map((from) => saidAt.filter((at) => at >= from && at < from + 60_000).length));
      expect(busiest).toBeLessThanOrEqual(54);
    }
  }

  test("the server never hears more than it listens to, however much is clicked and told", () => {
    const busy = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(["tell"] as const, ["wake"] as const) },
      { weight: 3, arbitrary: fc.tuple(fc.constant("follow" as const), fc.nat(24)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant("look" as const), fc.nat(1)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant("pass" as const), fc.integer({ min: 10, max: 1_500 })) },
    );
    fc.assert(
      fc.property(fc.array(busy, { minLength: 300, maxLength: 400 }), (steps) => {
        const browser = new Browser();
        browser.open(DRAWN[0]);
        browser.open(DRAWN[1]);
        for (const step of steps) {
          take(browser, step);
          browser.pass(50);
        }
        expectFewMessages(browser);
      }),
      { numRuns: 50 },
    );
  });

  const random = fc.double({ min: 0, max: 1, noNaN: true });

  test("each notice is shown once, in order, in one tab; no tab is given one twice; and all is current", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...usual), { maxLength: 60 }), random, (steps, random) => {
        const { browser, tabs } = live(steps, random);
        expect(browser.shown).toEqual(upTo(browser.server.head));
        for (const { given } of tabs) expect(given).toEqual([...new Set(given)].sort((a, b) => a - b));
        expectAllCurrent(browser);
        expectFewMessages(browser);
      }),
      // A server that is out of reach tells nothing over a line that it does not have.
      { numRuns: 1_000, examples: [[[["close", 0], ["tell"], ["unreachable"], ["open"], ["tell"]], 0]] },
    );
  });

  test("all is current even if tabs are frozen by the device", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...usual, { weight: 4, arbitrary: freezing }), { maxLength: 60 }), random, (steps, random) => {
        expectAllCurrent(live(steps, random).browser);
      }),
      { numRuns: 500 },
    );
  });
});
