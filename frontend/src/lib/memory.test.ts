/** What the device remembers of a person, and what it must not. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Schemas } from "./api";
import { current, recall, rememberBookings, rememberPerson } from "./memory";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const MINUTE = 60_000;
const DINA = { id: 7, username: "dina", role: "driver", is_staff: false } as const;
const EVE = { ...DINA, id: 9, username: "eve" };

function booking(changes: Partial<Schemas["BookingSummary"]>): Schemas["BookingSummary"] {
  return {
    id: 1,
    status: "BOOKED",
    driver: DINA.id,
    driver_name: "dina",
    lot: 1,
    lot_name: "Central",
    slot: 4,
    slot_number: 2,
    vehicle_number: "KA01AB1234",
    starts_at: new Date(NOON - MINUTE).toISOString(),
    ends_at: new Date(NOON + 30 * MINUTE).toISOString(),
    price: "30.00",
    renewed_from: null,
    created_at: new Date(NOON - MINUTE).toISOString(),
    ...changes,
  };
}

const later = (minutes: number) => new Date(NOON + minutes * MINUTE).toISOString();
const ids = () => recall()?.bookings.map(({ id }) => id);
let stored: Map<string, string>;

beforeEach(() => {
  stored = new Map();
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
    removeItem: (name: string) => stored.delete(name),
  });
});

describe("the device's memory", () => {
  it("keeps the bookings that run, and of them only what is drawn", () => {
    rememberPerson(DINA);
    rememberBookings([booking({}), booking({ id: 2, status: "CANCELLED" })], NOON, 250);
    expect(ids()).toEqual([1]);
    expect(recall()?.offset).toBe(250);
    expect(JSON.stringify([...stored])).not.toMatch(/KA01AB1234|30\.00/);
  });

  it("is empty once nobody is signed in, and stays so when a late answer comes", () => {
    rememberPerson(DINA);
    rememberBookings([booking({})], NOON, 0);
    rememberPerson(null);
    rememberBookings([booking({})], NOON, 0);
    expect(stored.size).toBe(0);
  });

  it("keeps nothing of one person for the next", () => {
    rememberPerson(DINA);
    rememberBookings([booking({})], NOON, 0);
    rememberPerson(EVE);
    expect(recall()).toEqual({ person: EVE, bookings: [], offset: 0 });
  });

  it("keeps nobody else's bookings, such as those at an owner's lots", () => {
    rememberPerson(EVE);
    rememberBookings([booking({})], NOON, 0);
    expect(ids()).toEqual([]);
  });

  it("drops a booking when the server says that it no longer runs", () => {
    rememberPerson(DINA);
    rememberBookings([booking({}), booking({ id: 2 })], NOON, 0);
    rememberBookings([booking({ status: "EXPIRED" })], NOON + MINUTE, 0);
    expect(ids()).toEqual([2]);
  });

  it("shows the booking that ends next, and one that should have ended only if there is no other", () => {
    rememberPerson(DINA);
    rememberBookings([booking({ ends_at: later(30) }), booking({ id: 2, ends_at: later(10) })], NOON, 0);
    const known = recall();
    expect([5, 20, 60].map((minutes) => known && current(known, NOON + minutes * MINUTE)?.id)).toEqual([2, 1, 1]);
  });

  it("is empty where it has been spoilt", () => {
    stored.set("parkmate.last-known", '{"person": {"id": 7}, "bookings": 5}');
    expect(recall()).toBeNull();
    stored.set("parkmate.last-known", "no JSON");
    expect(recall()).toBeNull();
  });
});
