/** One socket for all tabs: the tab that leads holds it and says in which tab a notice is shown. */
import { arrive, nothing, type Arrivals, type Coming, type Given } from "@/lib/arrivals";
import { Connection, type State, type World } from "./connection";
import type { Hello, Notice, Position } from "./protocol";

/** What a tab knows of the line. */
export interface Snapshot {
  readonly state: State;
  /** How far the server's clock is ahead of the device's, in milliseconds. */
  readonly offset: number;
  readonly unread: number | null;
}

export interface TabListener {
  changed(snapshot: Snapshot): void;
  /** In order of their numbers, each once. `show` is true in one tab only. */
  given(given: Given<Notice>, show: boolean): void;
  /** Numbers were passed over, or the line was down: what the server has may be new to us. */
  reread(): void;
}

/** What tabs say to each other. */
export type Message =
  | { readonly kind: "here"; readonly tab: string; readonly lookedAt: number }
  | { readonly kind: "wake" }
  | { readonly kind: "unread"; readonly unread: number }
  | { readonly kind: "ask" }
  | { readonly kind: "standing"; readonly snapshot: Snapshot; readonly position: Position | null }
  | { readonly kind: "given"; readonly given: Given<Notice>; readonly epoch: string; readonly show: string };

/** The browser around a tab, so that tests can be it. */
export interface TabWorld {
  readonly id: string;
  /** Calls `run` once the others can learn of this tab's end. */
  whenKnown(run: () => void): void;
  /** Calls `run` once no other tab leads; the answer gives the lead back. */
  lead(run: () => void): () => void;
  /** Calls `run` once this other tab is gone, however it went. */
  whenGone(tab: string, run: () => void): void;
  post(message: Message): void;
  visible(): boolean;
  /** How far an earlier page of this browser was. */
  recall(): Position | null;
  remember(position: Position): void;
}

export class Tab {
  snapshot: Snapshot = { state: { name: "connecting" }, offset: 0, unread: null };

  private arrivals: Arrivals<Notice>;
  private connection: Connection | null = null;
  private readonly giveLeadBack: () => void;
  /** The other tabs, and since when each has been looked at, by the device's clock; 0 if it is not. */
  private readonly others = new Map<string, number>();
  private lookedAt = 0;
  private known = false;

  constructor(
    private readonly tabs: TabWorld,
    private readonly world: World,
    private readonly listener: TabListener,
  ) {
    this.arrivals = nothing(tabs.recall());
    this.giveLeadBack = tabs.lead(() => { this.takeLead(); });
    tabs.whenKnown(() => {
      this.known = true;
      this.looksChanged();
      tabs.post({ kind: "ask" });
    });
  }

  get leads(): boolean {
    return this.connection !== null;
  }

  /** The device's network came back, it woke, or somebody looks at this tab. */
  wake(): void {
    if (this.connection) this.connection.wake();
    else this.tabs.post({ kind: "wake" });
  }

  networkLost(): void {
    this.connection?.networkLost();
  }

  /** This tab is looked at now, or no longer. */
  looksChanged(): void {
    this.lookedAt = this.tabs.visible() ? this.world.now() : 0;
    this.sayHere();
  }

  /** The number of unread notices, as a request of this tab has learnt. */
  learnUnread(unread: number): void {
    this.countUnread(unread);
    this.tabs.post({ kind: "unread", unread });
  }

  close(): void {
    this.connection?.stop();
    this.connection = null;
    this.giveLeadBack();
  }

  /** What another tab said. */
  hear(message: Message): void {
    switch (message.kind) {
      case "here":
        return this.meet(message.tab, message.lookedAt);
      case "wake":
        return this.connection?.wake();
      case "unread":
        return this.countUnread(message.unread);
      case "ask":
        this.sayHere();
        if (this.connection) this.tellStanding();
        return;
      case "standing":
        if (!this.connection) this.follow(message.snapshot, message.position);
        return;
      case "given":
        if (!this.connection) this.receive(message.given, message.epoch, message.show);
    }
  }

  private takeLead(): void {
    this.connection = new Connection(
      this.world,
      {
        state: (state) => {
          this.change({ state });
          this.tellStanding();
        },
        hello: (hello) => { this.greet(hello); },
        notice: (notice) => { this.take({ kind: "notice", notice, now: this.serverNow() }); },
      },
      () => this.position(),
    );
    this.connection.start();
    this.tabs.post({ kind: "ask" });
  }

  private greet(hello: Hello): void {
    this.change({ offset: Date.parse(hello.server_time) - this.world.now() });
    this.take({ kind: "hello", hello });
    // Whatever else changed while nobody told us.
    this.listener.reread();
  }

  private take(coming: Coming<Notice>): void {
    const outcome = arrive(this.arrivals, coming);
    this.arrivals = outcome.arrivals;
    this.change({ unread: outcome.arrivals.unread });
    for (const given of outcome.given) this.lay(given);
    if (outcome.given.length) this.acknowledge();
    if (outcome.reread) this.listener.reread();
    if (outcome.missing) this.connection?.resume();
  }

  private lay(given: Given<Notice>): void {
    const show = this.shower();
    this.tabs.post({ kind: "given", given, epoch: this.arrivals.epoch ?? "", show });
    this.listener.given(given, show === this.tabs.id);
  }

  private acknowledge(): void {
    const position = this.position();
    if (!position) return;
    this.tabs.remember(position);
    this.connection?.ack(position.after);
  }

  /** A follower's part: the leader has put them in order already. */
  private receive(given: Given<Notice>, epoch: string, show: string): void {
    const { seq } = given.notice;
    if (this.arrivals.position === null || this.arrivals.epoch !== epoch || seq > this.arrivals.position + 1) {
      this.take({ kind: "caught-up", position: seq - 1, epoch });
    }
    const outcome = arrive(this.arrivals, { kind: "notice", notice: given.notice, now: this.serverNow() });
    this.arrivals = outcome.arrivals;
    this.change({ unread: outcome.arrivals.unread });
    if (outcome.given.length) this.listener.given(given, show === this.tabs.id);
  }

  private follow(snapshot: Snapshot, position: Position | null): void {
    const cameBack = snapshot.state.name === "live" && this.snapshot.state.name !== "live";
    this.change(snapshot);
    if (position) this.take({ kind: "caught-up", position: position.after, epoch: position.epoch });
    this.countUnread(snapshot.unread);
    if (cameBack) this.listener.reread();
  }

  /** The tab that was looked at last and still is; if there is none, this one. */
  private shower(): string {
    let chosen = this.tabs.id;
    let latest = this.lookedAt;
    for (const [tab, lookedAt] of this.others) {
      if (lookedAt > latest) [chosen, latest] = [tab, lookedAt];
    }
    return chosen;
  }

  private meet(tab: string, lookedAt: number): void {
    if (!this.others.has(tab)) {
      this.tabs.whenGone(tab, () => { this.others.delete(tab); });
    }
    this.others.set(tab, lookedAt);
  }

  private sayHere(): void {
    // Who does not hold its lock yet would be taken for dead.
    if (this.known) this.tabs.post({ kind: "here", tab: this.tabs.id, lookedAt: this.lookedAt });
  }

  private countUnread(unread: number | null): void {
    this.arrivals = { ...this.arrivals, unread };
    this.change({ unread });
  }

  private tellStanding(): void {
    this.tabs.post({ kind: "standing", snapshot: this.snapshot, position: this.position() });
  }

  private position(): Position | null {
    const { position, epoch } = this.arrivals;
    return position === null || epoch === null ? null : { after: position, epoch };
  }

  private serverNow(): number {
    return this.world.now() + this.snapshot.offset;
  }

  private change(change: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    this.listener.changed(this.snapshot);
  }
}
