import { expect, test } from "vitest";
import { looksAfter } from "./overdue";

test("a booking is not looked at before its end is two seconds late", () => {
  expect([-60_000, 0, 1_999].map(looksAfter)).toEqual([0, 0, 0]);
});

test("and then after twice the time, however long it takes", () => {
  expect([2_000, 3_999, 4_000, 8_000, 16_000].map(looksAfter)).toEqual([1, 1, 2, 3, 4]);
  expect(looksAfter(24 * 3_600_000)).toBe(16);
});
