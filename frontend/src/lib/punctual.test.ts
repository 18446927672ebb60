import { expect, test } from "vitest";
import { ASKED_AGAIN, askedAgain, isPunctual } from "./punctual";

test("notices are late only if ParkMate itself says so", () => {
  expect(isPunctual({ status: "not_ready", code: "unavailable" })).toBe(false);
  expect(isPunctual({ code: "unavailable" })).toBe(true);
  expect(isPunctual(undefined)).toBe(true);
});

test("it is asked again while they are late, and not while they are not", () => {
  expect(askedAgain(false)).toBe(ASKED_AGAIN);
  expect(askedAgain(true)).toBe(false);
  expect(askedAgain(undefined)).toBe(false);
});
