/** Which notices are given, in which order, and how: pure, whatever the frames' source and fate. */

/** The part of a frame that is looked at here. */
export interface Arriving {
  readonly seq: number;
  readonly unread: number;
  readonly relevant: boolean;
  readonly relevant_until: string | null;
  readonly muted: readonly string[];
}

/** Where an inbox stands, as a socket's first frame or another tab says. */
export interface Standing {
  readonly seq: number;
  readonly epoch: string;
  readonly reset: boolean;
  readonly unread: number;
}

/** How many notices are unread, counted when this one was the last. */
export interface Count {
  readonly unread: number;
  readonly seq: number;
  readonly epoch: string;
}

export interface Arrivals<N extends Arriving> {
  readonly epoch: string | null;
  /** The last number that was given; null before the first frame. */
  readonly position: number | null;
  /** What an earlier page of this browser has given: not given again. */
  readonly floor: number;
  /** What came before its turn, by number. */
  readonly early: ReadonlyMap<number, N>;
  readonly unread: number | null;
  /** The last notice when `unread` was counted: what was counted before says nothing any more. */
  readonly counted: number;
}

export type Coming<N extends Arriving> =
  | { readonly kind: "hello"; readonly hello: Standing }
  /** Another tab tells how far it is: all up to there has been given. */
  | { readonly kind: "caught-up"; readonly position: number; readonly epoch: string }
  /** A request has asked how many are unread. */
  | { readonly kind: "count"; readonly count: Count }
  | { readonly kind: "notice"; readonly notice: N; readonly now: number };

/** A notice in its turn. Without toast it only stands in the inbox. */
export interface Given<N extends Arriving> {
  readonly notice: N;
  readonly toast: boolean;
  readonly vibration: boolean;
  readonly sound: boolean;
}

export interface Outcome<N extends Arriving> {
  readonly arrivals: Arrivals<N>;
  readonly given: readonly Given<N>[];
  /** The inbox is to be read anew: numbers were passed over. */
  readonly reread: boolean;
  /** Something came before its turn, and what is before it has to be asked for. */
  readonly missing: boolean;
}

/** Nothing has come. `known` is how far an earlier page of this browser was. */
export function nothing<N extends Arriving>(known?: { after: number; epoch: string } | null): Arrivals<N> {
  const epoch = known?.epoch ?? null;
  return { epoch, position: null, floor: known?.after ?? 0, early: new Map(), unread: null, counted: -1 };
}

/** What follows from one more frame. */
export function arrive<N extends Arriving>(arrivals: Arrivals<N>, coming: Coming<N>): Outcome<N> {
  switch (coming.kind) {
    case "hello":
      return greet(arrivals, coming.hello);
    case "caught-up":
      return jump(arrivals, coming.position, coming.epoch);
    case "count":
      return count(arrivals, coming.count);
    case "notice":
      return take(arrivals, coming.notice, coming.now);
  }
}

function greet<N extends Arriving>(arrivals: Arrivals<N>, hello: Standing): Outcome<N> {
  const { epoch, unread, seq } = hello;
  if (hello.reset || (arrivals.epoch !== null && arrivals.epoch !== epoch)) {
    const anew = { epoch, position: seq, floor: 0, early: new Map<number, N>(), unread, counted: seq };
    return { arrivals: anew, given: [], reread: true, missing: false };
  }
  // An inbox that is empty tells its position: what comes next is its first.
  const position = arrivals.position ?? (seq === 0 ? 0 : null);
  const { arrivals: counted } = count({ ...arrivals, epoch, position }, { unread, seq, epoch });
  return { arrivals: counted, given: [], reread: false, missing: false };
}

/** Taken unless it is older than what is known: then the arrivals are the same. */
function count<N extends Arriving>(arrivals: Arrivals<N>, { unread, seq, epoch }: Count): Outcome<N> {
  const isOld = arrivals.epoch === epoch && seq < arrivals.counted;
  const counted = isOld ? arrivals : { ...arrivals, unread, counted: arrivals.epoch === epoch ? seq : -1 };
  return { arrivals: counted, given: [], reread: false, missing: arrivals.early.size > 0 };
}

function jump<N extends Arriving>(arrivals: Arrivals<N>, position: number, epoch: string): Outcome<N> {
  const behind = arrivals.epoch !== epoch || arrivals.position === null || arrivals.position < position;
  if (!behind) return { arrivals, given: [], reread: false, missing: arrivals.early.size > 0 };
  const known = arrivals.epoch === epoch ? arrivals.early : new Map<number, N>();
  const early = new Map([...known].filter(([seq]) => seq > position));
  // Who has only come reads what there is anyway.
  const reread = arrivals.position !== null;
  return { arrivals: { ...arrivals, epoch, position, early }, given: [], reread, missing: early.size > 0 };
}

function take<N extends Arriving>(arrivals: Arrivals<N>, notice: N, now: number): Outcome<N> {
  // Without a position the server begins where this person's clients had got to, in order.
  let position = arrivals.position ?? notice.seq - 1;
  if (notice.seq <= position || (arrivals.position === null && notice.seq <= arrivals.floor)) {
    return { arrivals, given: [], reread: false, missing: arrivals.early.size > 0 };
  }
  const early = new Map(arrivals.early).set(notice.seq, notice);
  const given: Given<N>[] = [];
  let { unread, counted } = arrivals;
  for (let next = early.get(position + 1); next; next = early.get(position + 1)) {
    position += 1;
    early.delete(position);
    if (position > counted) [unread, counted] = [next.unread, position];
    given.push(present(next, now));
  }
  return { arrivals: { ...arrivals, position, early, unread, counted }, given, reread: false, missing: early.size > 0 };
}

function present<N extends Arriving>(notice: N, now: number): Given<N> {
  const over = notice.relevant_until !== null && now >= Date.parse(notice.relevant_until);
  const toast = notice.relevant && !over && !notice.muted.includes("toast");
  const wants = (channel: string) => toast && !notice.muted.includes(channel);
  return { notice, toast, vibration: wants("vibration"), sound: wants("sound") };
}
