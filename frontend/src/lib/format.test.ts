import { expect, test } from "vitest";
import { countdown, duration, estimate } from "./format";

test.each([
  ["6.00", 3_600_000, 6],
  ["6.00", 60_001, 0.2],
  ["35.00", 60_000, 0.58],
  ["60.30", 30_000, 1.01],
  ["0.00", 60_000, 0],
])("the price of %s an hour for %i ms is what the server computes", (rate, milliseconds, price) => {
  expect(estimate(rate, milliseconds)).toBe(price);
});

test.each([
  [0, "0:00"],
  [-5, "0:00"],
  [1, "0:01"],
  [299_000, "4:59"],
  [3_899_001, "1:05:00"],
  [183_600_000, "2 d 03:00:00"],
])("%i ms count down as %s", (milliseconds, words) => {
  expect(countdown(milliseconds)).toBe(words);
});

test.each([
  [60_000, "1 min"],
  [9_000_000, "2 h 30 min"],
  [3_600_000, "1 h"],
  [259_200_000, "3 days"],
])("%i ms are said as %s", (milliseconds, words) => {
  expect(duration(milliseconds)).toBe(words);
});
