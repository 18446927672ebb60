/** A server, a network and a browser of several tabs, on a clock that only tests move. */
import type { Count, Given } from "@/lib/arrivals";
import type { State, Wire, World } from "./connection";
import type { Notice, Position } from "./protocol";
import { Tab } from "./tabs";
import type { Message, TabWorld } from "./tabworld";
import type { Stale } from "./rereads";

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
  /** When each of them was said. */
  readonly saidAt: number[] = [];
  topics: readonly string[] = [];
  queue: string[] = [];
  open = true;
  /** The server has it: before that it can say nothing. */
  welcomed = false;
  dead = false;

  constructor(readonly position: Position | null, private readonly server: Server) {}

  send(text: string): void {
    if (!this.open || this.dead) return;
    const message = JSON.parse(text) as Record<string, unknown>;
    this.said.push(message);
    this.saidAt.push(this.server.clock.now);
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
  /** All up to there have been read. */
  read = 0;
  reachable = true;
  signedIn = true;
  /** An older one takes `follow` for a mistake. */
  tellsChanges = true;
  /** The server's clock, beside the device's. */
  ahead = 3_600_000;
  readonly wires: SimulatedWire[] = [];
  /** How often what each topic stands for has changed. */
  readonly versions = new Map<string, number>();

  constructor(readonly clock: Clock) {}

  get line(): SimulatedWire | undefined {
    return this.wires.findLast((wire) => wire.open);
  }

  open(position: Position | null): SimulatedWire {
    const wire = new SimulatedWire(position, this);
    this.wires.push(wire);
    if (!this.reachable) this.clock.later(10, () => { wire.cut(1006); });
    else if (!this.signedIn) this.clock.later(10, () => { wire.cut(4401); });
    else this.welcome(wire, position);
    return wire;
  }

  tell(): void {
    this.head += 1;
    for (const wire of this.wires) {
      if (wire.open && wire.welcomed) wire.queue.push(JSON.stringify(this.notice(this.head, false)));
    }
  }

  /** Somebody else changes what this topic stands for. */
  change(topic: string): void {
    this.versions.set(topic, this.version(topic) + 1);
    for (const wire of this.wires) {
      if (wire.open && wire.welcomed && wire.topics.includes(topic)) wire.queue.push(JSON.stringify({ type: "changed", topics: [topic] }));
    }
  }

  version(topic: string): number {
    return this.versions.get(topic) ?? 0;
  }

  /** All is read on another device. */
  readAll(): void {
    this.read = this.head;
    this.change("me");
  }

  count(): Count {
    return { unread: this.head - this.read, seq: this.head, epoch: this.epoch };
  }

  hear(wire: SimulatedWire, message: Record<string, unknown>): void {
    const answer = (frame: object) => wire.queue.push(JSON.stringify(frame));
    if (message["type"] === "ping") answer({ type: "pong" });
    if (message["type"] === "ack") this.acked = Math.max(this.acked, Number(message["seq"]));
    if (message["type"] !== "follow") return;
    if (!this.tellsChanges) return void answer({ type: "error", code: "bad_message", message: "What?" });
    wire.topics = message["topics"] as string[];
    answer({ type: "following", topics: wire.topics });
  }

  private welcome(wire: SimulatedWire, position: Position | null): void {
    wire.welcomed = true;
    const after = position?.after ?? this.acked;
    const reset = (position && position.epoch !== this.epoch) || after > this.head;
    const hello = {
      type: "info",
      connected: true,
      user_id: 1,
      ...this.count(),
      reset: Boolean(reset),
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
      unread: this.head - this.read,
    };
  }
}

/** One tab, what it was given, which of that it showed, and what it has read. */
export class OpenTab {
  tab!: Tab;
  readonly given: number[] = [];
  visible = true;
  alive = true;
  frozen = false;
  /** What the others said, and what became due, before it could hear. */
  held: (() => void)[] = [];
  topics: readonly string[] = [];
  /** The version of each topic that it drew last. */
  readonly drawn = new Map<string, number>();
  readonly rereads: Stale[] = [];

  constructor(readonly id: string, private readonly browser: Browser) {}

  close(): void {
    this.browser.close(this);
  }

  /** Another page of it is opened, which reads what it draws. */
  follow(topics: readonly string[]): void {
    this.topics = topics;
    this.draw(topics);
    this.tab.follow(topics);
  }

  draw(topics: readonly string[]): void {
    const { server } = this.browser;
    for (const topic of topics) this.drawn.set(topic, server.version(topic));
    if (topics.includes("me")) this.tab.learnUnread(server.count());
  }

  look(visible: boolean): void {
    this.visible = visible;
    this.tab.looksChanged();
    if (visible) this.tab.wake();
  }

  /** The device saves its battery. */
  freeze(): void {
    this.look(false);
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    for (const run of this.held.splice(0)) if (this.alive) run();
    this.look(true);
  }

  do(run: () => void): void {
    if (this.frozen || (this.tab as Tab | undefined) === undefined) this.held.push(run);
    else if (this.alive) run();
  }
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
  private queue: { open: OpenTab; run: () => void; lost: () => void }[] = [];
  private leader: { open: OpenTab; lost: () => void } | null = null;
  private storage: Position | null = null;
  private readonly owners = new Map<Wire, OpenTab>();
  private readonly mourners = new Map<string, { open: OpenTab; run: () => void }[]>();

  get state(): State | undefined {
    return this.tabs[0]?.tab.snapshot.state;
  }

  open(topics: readonly string[] = []): OpenTab {
    const open = new OpenTab(`tab ${String(++this.opened)}`, this);
    const given = ({ notice }: Given<Notice>, show: boolean) => {
      open.given.push(notice.seq);
      if (show) this.shown.push(notice.seq);
      if (show) this.shownIn.push(open.id);
    };
    const reread = (stale: Stale, done: (isRead: boolean) => void) => {
      if (this.server.reachable) open.rereads.push(stale);
      if (this.server.reachable) open.draw(open.topics.filter((topic) => stale === null || stale.includes(topic)));
      done(this.server.reachable);
    };
    this.tabs.push(open);
    open.tab = new Tab(this.tabWorld(open), this.worldOf(open), { changed: () => undefined, reread, given });
    for (const run of open.held.splice(0)) run();
    open.follow(topics);
    this.pass(1);
    return open;
  }

  /** Time passes, and what is on the way arrives. */
  pass(milliseconds: number): void {
    this.deliver();
    this.clock.pass(milliseconds);
    this.deliver();
  }

  /** Everything finds its way, and nothing more happens. */
  settle(): void {
    for (let second = 0; second < 60; second += 1) this.pass(1_000);
  }

  /** The device sleeps: no timer runs, its lines die, and its own clock goes on. */
  sleep(milliseconds: number): void {
    for (const wire of this.server.wires) wire.dead = true;
    this.set += milliseconds;
    this.server.ahead += milliseconds;
  }

  /** A tab that dies says nothing: its timers and its socket end, and its locks go to the next. */
  close(closed: OpenTab): void {
    closed.alive = false;
    this.tabs.splice(this.tabs.indexOf(closed), 1);
    this.queue = this.queue.filter(({ open }) => open !== closed);
    for (const [wire, owner] of this.owners) if (owner === closed) wire.close();
    if (this.leader?.open === closed) this.leader = null;
    for (const { open, run } of this.mourners.get(closed.id) ?? []) open.do(run);
    this.handOver();
  }

  private deliver(): void {
    this.handOver();
    for (const wire of this.server.wires) if (wire.open && !this.owners.get(wire)?.frozen) wire.deliver();
  }

  private handOver(): void {
    if (this.leader) return;
    const next = this.queue.shift();
    this.leader = next ?? null;
    next?.open.do(next.run);
  }

  private worldOf(open: OpenTab): World {
    return {
      open: (position) => {
        const wire = this.server.open(position);
        this.owners.set(wire, open);
        return wire;
      },
      now: () => this.clock.now + this.set,
      steady: () => this.clock.now,
      later: (milliseconds, run) => {
        let isWanted = true;
        const unplan = this.clock.later(milliseconds, () => { open.do(() => { if (isWanted) run(); }); });
        return () => {
          isWanted = false;
          unplan();
        };
      },
      random: () => this.random,
      isOnline: () => this.online,
      ask: (answer) => { answer(this.server.reachable ? this.server.signedIn : null); },
    };
  }

  private tabWorld(open: OpenTab): TabWorld {
    const lead = (run: () => void, lost: () => void) => {
      const one = { open, run, lost };
      this.queue.push(one);
      return () => {
        this.queue = this.queue.filter((other) => other !== one);
        if (this.leader === one) this.leader = null;
      };
    };
    return {
      id: open.id,
      whenKnown: (run) => { run(); },
      lead,
      seize: (run, lost) => {
        const old = this.leader;
        const giveBack = lead(run, lost);
        this.leader = this.queue.pop() ?? null;
        open.do(run);
        old?.open.do(old.lost);
        return giveBack;
      },
      whenGone: (tab, run) => {
        const isThere = this.tabs.some(({ id }) => id === tab);
        if (isThere) this.mourners.set(tab, [...(this.mourners.get(tab) ?? []), { open, run }]);
        // A lock that nobody holds is had at once.
        else this.clock.later(0, () => { open.do(run); });
      },
      post: (message: Message) => {
        for (const other of this.tabs) if (other !== open) other.do(() => { other.tab.hear(message); });
      },
      visible: () => open.visible,
      recall: () => this.storage,
      remember: (position) => { this.storage = position; },
    };
  }
}
