import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arrive, nothing, type Arrivals, type Arriving, type Coming, type Given } from "./arrivals";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const notice = (seq: number, more: Partial<Arriving> = {}): Arriving => ({
  seq,
  unread: seq,
  relevant: true,
  relevant_until: null,
  muted: [],
  ...more,
});
const coming = (given: Arriving): Coming<Arriving> => ({ kind: "notice", notice: given, now: NOW });
const hello = (seq: number, more: object = {}): Coming<Arriving> => ({
  kind: "hello",
  hello: { seq, epoch: "first", reset: false, unread: 0, ...more },
});

function after(...all: Coming<Arriving>[]) {
  let arrivals: Arrivals<Arriving> = nothing();
  const given: Given<Arriving>[] = [];
  let reread = 0;
  let missing = false;
  for (const one of all) {
    const outcome = arrive(arrivals, one);
    arrivals = outcome.arrivals;
    given.push(...outcome.given);
    reread += Number(outcome.reread);
    missing = outcome.missing;
  }
  return { arrivals, given, reread, missing, numbers: given.map(({ notice: { seq } }) => seq) };
}

describe("order", () => {
  test("any doubling and reordering gives each notice once, in order", () => {
    const frames = fc
      .integer({ min: 1, max: 30 })
      .chain((count) => {
        const all = Array.from({ length: count }, (_, index) => index + 1);
        const doubled = fc.array(fc.constantFrom(...all), { maxLength: 30 });
        return doubled
          .chain((more) => fc.shuffledSubarray([...all, ...more], { minLength: count + more.length }))
          .map((shuffled) => ({ count, shuffled }));
      });
    fc.assert(
      fc.property(frames, ({ count, shuffled }) => {
        const { numbers, missing } = after(hello(0), ...shuffled.map((seq) => coming(notice(seq))));
        expect(numbers).toEqual(Array.from({ length: count }, (_, index) => index + 1));
        expect(missing).toBe(false);
      }),
    );
  });

  test("what was dropped is waited for, and asked for", () => {
    const { numbers, missing } = after(hello(0), coming(notice(1)), coming(notice(3)));
    expect(numbers).toEqual([1]);
    expect(missing).toBe(true);
  });

  test("without a position the first notice is where it begins", () => {
    expect(after(hello(41), coming(notice(40)), coming(notice(41))).numbers).toEqual([40, 41]);
  });

  test("what an earlier page has given is not given again", () => {
    const known = nothing<Arriving>({ after: 7, epoch: "first" });
    const greeted = arrive(known, hello(8)).arrivals;
    const seventh = arrive(greeted, coming(notice(7)));
    expect(seventh.given).toEqual([]);
    expect(arrive(seventh.arrivals, coming(notice(8))).given).toHaveLength(1);
  });

  test("numbers that began anew are read anew, from the head on", () => {
    const { numbers, reread } = after(
      hello(0),
      coming(notice(1)),
      hello(20, { epoch: "second" }),
      coming(notice(20)),
      coming(notice(21)),
    );
    expect(numbers).toEqual([1, 21]);
    expect(reread).toBe(1);
  });

  test("a reset passes over what was missed, and asks for the inbox to be read", () => {
    const { numbers, reread, missing } = after(
      hello(0),
      coming(notice(1)),
      coming(notice(900)),
      hello(900, { reset: true }),
      coming(notice(901)),
    );
    expect(numbers).toEqual([1, 901]);
    expect(reread).toBe(1);
    expect(missing).toBe(false);
  });

  test("a tab that fell behind another goes on from where that one is", () => {
    const { numbers, reread } = after(
      hello(0),
      { kind: "caught-up", position: 5, epoch: "first" },
      coming(notice(5)),
      coming(notice(6)),
    );
    expect(numbers).toEqual([6]);
    expect(reread).toBe(1);
  });
});

describe("how a notice is given", () => {
  const present = (more: Partial<Arriving>) => after(hello(0), coming(notice(1, more))).given[0];

  test("with a toast and a vibration", () => {
    expect(present({})).toMatchObject({ toast: true, vibration: true });
  });

  test("without either, once it is no longer true", () => {
    expect(present({ relevant: false })).toMatchObject({ toast: false, vibration: false });
    expect(present({ relevant_until: "2026-11-22T10:00:00Z" })).toMatchObject({ toast: false });
    expect(present({ relevant_until: "2026-11-22T10:00:01Z" })).toMatchObject({ toast: true });
  });

  test("without what its reader has muted", () => {
    expect(present({ muted: ["toast"] })).toMatchObject({ toast: false, vibration: false });
    expect(present({ muted: ["vibration"] })).toMatchObject({ toast: true, vibration: false });
  });

  test("with a sound, unless that is muted", () => {
    expect(present({})).toMatchObject({ sound: true });
    expect(present({ muted: ["sound"] })).toMatchObject({ toast: true, vibration: true, sound: false });
    expect(present({ muted: ["toast"] })).toMatchObject({ sound: false });
  });

  test("the unread count that was asked for stands against the notices that it counts already", () => {
    const count = (unread: number, seq: number, epoch = "first"): Coming<Arriving> => ({ kind: "count", count: { unread, seq, epoch } });
    expect(after(hello(0), count(0, 2), coming(notice(1)), coming(notice(2))).arrivals.unread).toBe(0);
    expect(after(hello(0), count(0, 2), coming(notice(1)), coming(notice(2)), coming(notice(3))).arrivals.unread).toBe(3);
    expect(after(hello(0), coming(notice(1)), count(0, 0)).arrivals.unread).toBe(1);
    expect(after(hello(7, { unread: 7 }), count(2, 1, "second")).arrivals.unread).toBe(2);
  });

  test("the unread count is the last given notice's, or the hello's", () => {
    expect(after(hello(4, { unread: 3 })).arrivals.unread).toBe(3);
    expect(after(hello(0), coming(notice(1)), coming(notice(3)), coming(notice(2))).arrivals.unread).toBe(3);
  });
});
