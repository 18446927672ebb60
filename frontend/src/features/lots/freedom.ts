/** When a slot is free, by the periods that the server told and its clock. */

export interface Freedom {
  readonly free: boolean;
  /** When it becomes free, or until when it is; null if that lies beyond what is known. */
  readonly at: string | null;
}

interface Told {
  readonly free: readonly { readonly starts_at: string; readonly ends_at: string }[];
}

export function nextFree({ free }: Told, now: number): Freedom {
  const coming = free.find(({ ends_at }) => Date.parse(ends_at) > now);
  if (!coming) return { free: false, at: null };
  return Date.parse(coming.starts_at) <= now ? { free: true, at: coming.ends_at } : { free: false, at: coming.starts_at };
}
