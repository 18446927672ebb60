/** A server, a network and a browser of several tabs, on a clock that only tests move. */
import type { Given } from "@/lib/arrivals";
import type { State, Wire, World } from "./connection";
import type { Notice, Position } from "./protocol";
import { Tab, type Message, type TabWorld } from "./tabs";

export class Clock {
  now = 0;
  private waiting: { at: number; run: () => void }[] = [];

  later(milliseconds: number, run: () => void): () => void {
    const one = { at: this.now + milliseconds, run };
    this.waiting.push(one);
    return () => { this.waiting = this.waiting.filter((other) => other !== one); };
  }

  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = this.waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.waiting = this.waiting.filter((other) => other !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = end;
  }
}

export class SimulatedWire implements Wire {
  onmessage: ((text: string) => void) | null = null;
  onclose: ((code: number) => void) | null = null;
  readonly said: Record<string, unknown>[] = [];
  queue: string[] = [];
  open = true;
  dead = false;

  constructor(readonly position: Position | null, private readonly server: Server) {}

  send(text: string): void {
    if (!this.open || this.dead) return;
    const message = JSON.parse(text) as Record<string, unknown>;
    this.said.push(message);
    this.server.hear(this, message);
  }

  close(): void {
    this.open = false;
  }

  /** The server, or the network, ends it. */
  cut(code: number): void {
    if (!this.open) return;
    this.open = false;
    this.onclose?.(code);
  }

  /** What is on the way arrives. */
  deliver(count = this.queue.length): void {
    if (this.dead) return;
    for (const text of this.queue.splice(0, count)) {
      if (this.open) this.onmessage?.(text);
    }
  }
}

export class Server {
  epoch = "first";
  head = 0;
  acked = 0;
  reachable = true;
  /** The server's clock, beside the device's. */
  ahead = 3_600_000;
  readonly wires: SimulatedWire[] = [];

  constructor(private readonly clock: Clock) {}

  get line(): SimulatedWire | undefined {
    return this.wires.findLast((wire) => wire.open);
  }

  open(position: Position | null): SimulatedWire {
    const wire = new SimulatedWire(position, this);
    this.wires.push(wire);
    if (this.reachable) this.welcome(wire, position);
    else this.clock.later(10, () => { wire.cut(1006); });
    return wire;
  }

  tell(): void {
    this.head += 1;
    for (const wire of this.wires) {
      if (wire.open) wire.queue.push(JSON.stringify(this.notice(this.head, false)));
    }
  }

  hear(wire: SimulatedWire, message: Record<string, unknown>): void {
    if (message["type"] === "ping") wire.queue.push(JSON.stringify({ type: "pong" }));
    if (message["type"] === "ack") this.acked = Math.max(this.acked, Number(message["seq"]));
  }

  private welcome(wire: SimulatedWire, position: Position | null): void {
    const after = position?.after ?? this.acked;
    const reset = (position && position.epoch !== this.epoch) || after > this.head;
    const hello = {
      type: "info",
      connected: true,
      user_id: 1,
      seq: this.head,
      epoch: this.epoch,
      reset: Boolean(reset),
      unread: this.head,
      server_time: new Date(this.clock.now + this.ahead).toISOString(),
    };
    wire.queue.push(JSON.stringify(hello));
    for (let seq = after + 1; seq <= this.head && !reset; seq += 1) {
      wire.queue.push(JSON.stringify(this.notice(seq, true)));
    }
  }

  private notice(seq: number, replayed: boolean): Notice {
    return {
      type: "info",
      message: `Notice ${String(seq)}`,
      id: seq,
      seq,
      event: "ANYTHING",
      created_at: new Date(this.clock.now).toISOString(),
      relevant_until: null,
      replayed,
      relevant: true,
      muted: [],
      unread: seq,
    };
  }
}

/** One tab, what it was given, and which of that it showed. */
export interface OpenTab {
  id: string;
  tab: Tab;
  given: number[];
  visible: boolean;
  alive: boolean;
  /** What the others said before it could hear. */
  mail: Message[];
  close(): void;
}

export class Browser {
  readonly clock = new Clock();
  readonly server = new Server(this.clock);
  readonly tabs: OpenTab[] = [];
  readonly shown: number[] = [];
  readonly shownIn: string[] = [];
  online = true;
  random = 0.5;
  /** Added to the device's clock: somebody has set it, or the device has slept. */
  set = 0;

  private opened = 0;
  private queue: { id: string; run: () => void }[] = [];
  private leader: string | null = null;
  private storage: Position | null = null;
  private readonly mourners = new Map<string, (() => void)[]>();

  get state(): State | undefined {
    return this.tabs[0]?.tab.snapshot.state;
  }

  open(): OpenTab {
    const id = `tab ${String(++this.opened)}`;
    const given: number[] = [];
    const hear = ({ notice }: Given<Notice>, show: boolean) => {
      given.push(notice.seq);
      if (show) this.shown.push(notice.seq);
      if (show) this.shownIn.push(id);
    };
    const listener = { changed: () => undefined, reread: () => undefined, given: hear };
    const close = () => { this.close(open); };
    const open = { id, given, visible: true, alive: true, mail: [] as Message[], close } as unknown as OpenTab;
    this.tabs.push(open);
    open.tab = new Tab(this.tabWorld(open), this.worldOf(open), listener);
    for (const message of open.mail) open.tab.hear(message);
    this.pass(1);
    return open;
  }

  /** Time passes, and what is on the way arrives. */
  pass(milliseconds: number): void {
    this.handOver();
    this.server.line?.deliver();
    this.clock.pass(milliseconds);
    this.server.line?.deliver();
  }

  /** Everything finds its way, and nothing more happens. */
  settle(): void {
    for (let second = 0; second < 60; second += 1) this.pass(1_000);
  }

  /** A tab that dies says nothing: its timers and its socket end, and its locks go to the next. */
  private close(closed: OpenTab): void {
    closed.alive = false;
    this.tabs.splice(this.tabs.indexOf(closed), 1);
    this.queue = this.queue.filter((waiting) => waiting.id !== closed.id);
    if (this.leader === closed.id) {
      this.server.line?.close();
      this.leader = null;
    }
    for (const mourn of this.mourners.get(closed.id) ?? []) mourn();
    this.handOver();
  }

  private handOver(): void {
    if (this.leader !== null) return;
    const next = this.queue.shift();
    this.leader = next?.id ?? null;
    next?.run();
  }

  private worldOf(tab: OpenTab): World {
    return {
      open: (position) => this.server.open(position),
      now: () => this.clock.now + this.set,
      steady: () => this.clock.now,
      later: (milliseconds, run) => this.clock.later(milliseconds, () => { if (tab.alive) run(); }),
      random: () => this.random,
      isOnline: () => this.online,
    };
  }

  private tabWorld(open: OpenTab): TabWorld {
    return {
      id: open.id,
      whenKnown: (run) => { run(); },
      lead: (run) => {
        this.queue.push({ id: open.id, run });
        return () => undefined;
      },
      whenGone: (tab, run) => { this.mourners.set(tab, [...(this.mourners.get(tab) ?? []), run]); },
      post: (message: Message) => {
        for (const other of this.tabs.filter(({ id }) => id !== open.id)) {
          // Before its constructor is done, it cannot hear.
          if ((other.tab as Tab | undefined) === undefined) other.mail.push(message);
          else other.tab.hear(message);
        }
      },
      visible: () => open.visible,
      recall: () => this.storage,
      remember: (position) => { this.storage = position; },
    };
  }
}
