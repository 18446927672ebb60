import { expect, test } from "vitest";
import { fit, nextFree } from "./freedom";

const at = (hour: number) => Date.UTC(2026, 10, 22, hour);
const period = (from: number, to: number) => ({ starts_at: new Date(at(from)).toISOString(), ends_at: new Date(at(to)).toISOString() });
const slot = { free_now: false, free: [period(10, 12), period(14, 20)] };
const OUTLOOK = at(20);

test("a slot is free until the next booking, and taken until it ends", () => {
  expect(nextFree(slot, at(11))).toEqual({ free: true, at: period(10, 12).ends_at });
  expect(nextFree(slot, at(13))).toEqual({ free: false, at: period(14, 20).starts_at });
  expect(nextFree({ free_now: false, free: [] }, at(11))).toEqual({ free: false, at: null });
});

test("a slot that the server called free is free by a clock that is behind the server's as well", () => {
  const told = { ...slot, free_now: true };
  expect(nextFree(told, at(10) - 1)).toEqual({ free: true, at: period(10, 12).ends_at });
  expect(nextFree(told, at(13))).toEqual({ free: false, at: period(14, 20).starts_at });
});

test.each([
  ["before the next booking", 10, 12, { fits: true }],
  ["into the next booking", 11, 13, { fits: false, until: at(12) }],
  ["while it is taken", 13, 15, { fits: false, from: at(14) }],
  ["past what is known", 15, 22, { fits: true }],
  ["after what is known", 21, 22, { fits: true }],
])("a stay %s", (_, from, to, expected) => {
  expect(fit(slot, { from: at(from), to: at(to) }, OUTLOOK)).toEqual(expected);
});
