/** Whether notices come on time, as the server says; asked again while they do not, should its word get lost. */
import type { Schemas } from "./api";

export const ASKED_AGAIN = 10_000;

/** False only if ParkMate itself says so: what cannot be reached at all, the connection's light shows. */
export function isPunctual(said: Partial<Schemas["NotReady"]> | undefined): boolean {
  return said?.status !== "not_ready";
}

/** After how many milliseconds it is asked again; while all is well the socket will tell. */
export function askedAgain(punctual: boolean | undefined): number | false {
  return punctual === false && ASKED_AGAIN;
}
