/** When a slot is free, by the periods that the server told and its clock. */

export interface Freedom {
  readonly free: boolean;
  /** When it becomes free, or until when it is; null if that lies beyond what is known. */
  readonly at: string | null;
}

interface Told {
  /** Said by the server when it was asked: whatever this device's clock, the first period has begun. */
  readonly free_now: boolean;
  readonly free: readonly { readonly starts_at: string; readonly ends_at: string }[];
}

export function nextFree({ free, free_now }: Told, now: number): Freedom {
  const coming = free.find(({ ends_at }) => Date.parse(ends_at) > now);
  if (!coming) return { free: false, at: null };
  const begun = Date.parse(coming.starts_at) <= now || (free_now && coming === free[0]);
  return begun ? { free: true, at: coming.ends_at } : { free: false, at: coming.starts_at };
}

export type Fit = { readonly fits: true } | { readonly fits: false; readonly until: number } | { readonly fits: false; readonly from: number | null };

/**
 * Whether a stay fits between what is booked, as far as that was told. If not: until when the slot is
 * free from its start on, or from when, if it is not free then. The server decides; this is a hint.
 */
export function fit(told: Told, stay: { from: number; to: number }, outlookUntil: number): Fit {
  if (stay.from >= outlookUntil) return { fits: true };
  const at = nextFree(told, stay.from);
  const moment = at.at === null ? null : Date.parse(at.at);
  if (!at.free) return { fits: false, from: moment };
  if (moment === null || moment >= stay.to || moment >= outlookUntil) return { fits: true };
  return { fits: false, until: moment };
}
