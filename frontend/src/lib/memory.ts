/** What this device remembers for when ParkMate cannot be reached: who is here, and their bookings that run. */
import type { Schemas } from "./api";

type Person = Schemas["Account"];
type Booking = Schemas["BookingSummary"];

/** Only what is drawn from it. */
export interface KnownBooking extends Pick<Booking, "id" | "lot_name" | "slot_number" | "starts_at" | "ends_at"> {
  /** By the server's clock, in milliseconds. */
  readonly known_at: number;
}

export interface LastKnown {
  readonly person: Person;
  readonly bookings: readonly KnownBooking[];
  /** The server's clock less the device's, in milliseconds. */
  readonly offset: number;
}

const NAME = "parkmate.last-known";
const HOLDS: ReadonlySet<string> = new Set(["PENDING", "BOOKED"]);

export function recall(): LastKnown | null {
  try {
    const { person, bookings, offset } = JSON.parse(localStorage.getItem(NAME) ?? "{}") as Partial<LastKnown>;
    return person && Array.isArray(bookings) && typeof offset === "number" ? { person, bookings, offset } : null;
  } catch {
    return null;
  }
}

/** The server said who is here. Nobody, or somebody else, finds nothing of whoever was here before. */
export function rememberPerson(person: Person | null): void {
  if (!person) return forget();
  const before = recall();
  keep(before?.person.id === person.id ? { ...before, person } : { person, bookings: [], offset: 0 });
}

/** The server said this of these bookings, at `now` by its clock. */
export function rememberBookings(read: readonly Booking[], now: number, offset: number): void {
  const known = recall();
  if (!known) return;
  const told = new Set(read.map(({ id }) => id));
  const others = known.bookings.filter(({ id, ends_at }) => !told.has(id) && Date.parse(ends_at) > now);
  const own = read.filter(({ driver, status }) => driver === known.person.id && HOLDS.has(status));
  keep({ ...known, offset, bookings: [...others, ...own.map((booking) => drawn(booking, now))] });
}

export function forget(): void {
  try {
    localStorage.removeItem(NAME);
  } catch {
    // What cannot be written is not there.
  }
}

/** The booking to show at `now`: the one that ends next, or else the one that should have ended last. */
export function current({ bookings }: LastKnown, now: number): KnownBooking | null {
  const inOrder = [...bookings].sort((a, b) => Date.parse(a.ends_at) - Date.parse(b.ends_at));
  return inOrder.find(({ ends_at }) => Date.parse(ends_at) > now) ?? inOrder.at(-1) ?? null;
}

function drawn({ id, lot_name, slot_number, starts_at, ends_at }: Booking, known_at: number): KnownBooking {
  return { id, lot_name, slot_number, starts_at, ends_at, known_at };
}

function keep(known: LastKnown): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(known));
  } catch {
    // A device without room shows nothing when it is offline.
  }
}
