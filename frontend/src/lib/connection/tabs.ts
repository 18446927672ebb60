/** One socket for all tabs: the tab that leads holds it and says in which tab a notice is shown. */
import { arrive, nothing, type Arrivals, type Coming, type Count, type Given } from "@/lib/arrivals";
import { Connection, type World } from "./connection";
import { LeaderWatch } from "./leader";
import { Others } from "./others";
import type { Hello, Notice, Position } from "./protocol";
import { Rereads, type Stale } from "./rereads";
import { INBOX, type Message, type Snapshot, type TabListener, type TabWorld } from "./tabworld";

export class Tab {
  snapshot: Snapshot = { state: { name: "connecting" }, offset: 0, unread: null };

  private arrivals: Arrivals<Notice>;
  private connection: Connection | null = null;
  private giveLeadBack: () => void;
  private readonly others = new Others();
  private readonly rereads: Rereads;
  private readonly leader: LeaderWatch;
  private topics: readonly string[] = [];
  private lookedAt = 0;
  private known = false;

  constructor(
    private readonly tabs: TabWorld,
    private readonly world: World,
    private readonly listener: TabListener,
  ) {
    this.arrivals = nothing(tabs.recall());
    this.rereads = new Rereads(world, () => tabs.visible(), (stale, done) => { listener.reread(stale, done); });
    this.leader = new LeaderWatch(world, () => tabs.visible(), {
      ask: () => { tabs.post({ kind: "ask" }); },
      replace: () => { this.seize(); },
    });
    this.giveLeadBack = tabs.lead(...this.leading);
    tabs.whenKnown(() => {
      this.known = true;
      this.looksChanged();
      this.askLeader();
    });
  }

  get leads(): boolean {
    return this.connection !== null;
  }

  /** The device's network came back, it woke, or somebody looks at this tab. */
  wake(): void {
    if (this.connection) return this.connection.wake();
    this.tabs.post({ kind: "wake" });
    this.askLeader();
  }

  networkLost(): void {
    this.connection?.networkLost();
  }

  /** This tab is looked at now, or no longer. */
  looksChanged(): void {
    this.lookedAt = this.tabs.visible() ? this.world.now() : 0;
    this.sayHere();
    this.rereads.look();
  }

  /** What this tab wants to hear of when it changes. */
  follow(topics: readonly string[]): void {
    this.topics = topics;
    this.sayHere();
    this.tellTopics();
  }

  /** How many notices are unread, as a request of this tab has learnt; false if a newer count is known. */
  learnUnread(count: Count): boolean {
    if (!this.count(count)) return false;
    this.tabs.post({ kind: "count", count });
    return true;
  }

  close(): void {
    this.leader.stop();
    this.rereads.stop();
    this.letGoOfLine();
    this.giveLeadBack();
  }

  /** What another tab said. */
  hear(message: Message): void {
    switch (message.kind) {
      case "here":
        return this.meet(message);
      case "wake":
        return this.connection?.wake();
      case "count":
        return void this.count(message.count);
      case "ask":
        this.sayHere();
        if (this.connection) this.tellStanding();
        return;
      default:
        if (!this.connection) this.obey(message);
    }
  }

  // --- The leader's part ---------------------------------------------------------------------

  private get leading(): [() => void, () => void] {
    return [() => { this.takeLead(); }, () => { this.loseLead(); }];
  }

  private takeLead(): void {
    this.leader.stop();
    const connection: Connection = new Connection(
      this.world,
      {
        state: (state) => {
          if (this.connection !== connection) return;
          this.change({ state });
          this.tellStanding();
        },
        hello: (hello) => { this.greet(hello); },
        notice: (notice) => { this.take({ kind: "notice", notice, now: this.serverNow() }); },
        stale: (stale) => { this.tellStale(stale); },
      },
      () => this.position(),
    );
    this.connection = connection;
    this.tellTopics();
    connection.start();
    this.tabs.post({ kind: "ask" });
  }

  /** This tab was frozen, and another has taken the lead meanwhile. */
  private loseLead(): void {
    this.letGoOfLine();
    this.giveLeadBack = this.tabs.lead(...this.leading);
    this.askLeader();
  }

  private letGoOfLine(): void {
    const { connection } = this;
    this.connection = null;
    connection?.stop();
  }

  private greet(hello: Hello): void {
    this.change({ offset: Date.parse(hello.server_time) - this.world.now() });
    this.take({ kind: "hello", hello });
  }

  private take(coming: Coming<Notice>): void {
    const outcome = arrive(this.arrivals, coming);
    this.arrivals = outcome.arrivals;
    this.change({ unread: outcome.arrivals.unread });
    for (const given of outcome.given) this.lay(given);
    if (outcome.given.length) this.acknowledge();
    if (outcome.reread) this.rereads.ask(null);
    if (outcome.missing) this.connection?.resume();
    // Whatever the notice is about may have changed.
    if (outcome.given.length && this.connection?.tellsNoChanges) this.tellStale(null);
  }

  private lay(given: Given<Notice>): void {
    const show = this.others.shower(this.tabs.id, this.lookedAt);
    this.tabs.post({ kind: "given", given, epoch: this.arrivals.epoch ?? "", show });
    this.give(given, show);
  }

  private acknowledge(): void {
    const position = this.position();
    if (!position) return;
    this.tabs.remember(position);
    this.connection?.ack(position.after);
  }

  private tellTopics(): void {
    this.connection?.follow(this.others.topics({ lookedAt: this.lookedAt, topics: this.topics }));
  }

  private tellStale(stale: Stale): void {
    this.tabs.post({ kind: "stale", stale });
    this.rereads.ask(stale);
  }

  private tellStanding(): void {
    this.tabs.post({ kind: "standing", snapshot: this.snapshot, position: this.position(), count: this.counted() });
  }

  // --- A follower's part ---------------------------------------------------------------------

  /** The leader has put the notices in order already. */
  private obey(message: Message): void {
    this.leader.heard();
    switch (message.kind) {
      case "standing":
        this.change({ state: message.snapshot.state, offset: message.snapshot.offset });
        if (message.position) this.take({ kind: "caught-up", position: message.position.after, epoch: message.position.epoch });
        if (message.count) this.count(message.count);
        return;
      case "given":
        return this.receive(message.given, message.epoch, message.show);
      case "stale":
        this.rereads.ask(message.stale);
    }
  }

  private receive(given: Given<Notice>, epoch: string, show: string): void {
    const { seq } = given.notice;
    if (this.arrivals.position === null || this.arrivals.epoch !== epoch || seq > this.arrivals.position + 1) {
      this.take({ kind: "caught-up", position: seq - 1, epoch });
    }
    const outcome = arrive(this.arrivals, { kind: "notice", notice: given.notice, now: this.serverNow() });
    this.arrivals = outcome.arrivals;
    this.change({ unread: outcome.arrivals.unread });
    if (outcome.given.length) this.give(given, show);
  }

  private askLeader(): void {
    if (!this.connection) this.leader.ask();
  }

  private seize(): void {
    this.giveLeadBack();
    this.giveLeadBack = this.tabs.seize(...this.leading);
  }

  // --- Both ------------------------------------------------------------------------------------

  private give(given: Given<Notice>, show: string): void {
    this.listener.given(given, show === this.tabs.id);
    this.rereads.ask([INBOX]);
  }

  private meet({ tab, lookedAt, topics }: Extract<Message, { kind: "here" }>): void {
    if (this.others.meet(tab, { lookedAt, topics })) {
      this.tabs.whenGone(tab, () => {
        this.others.forget(tab);
        this.tellTopics();
      });
    }
    this.tellTopics();
  }

  private sayHere(): void {
    // Who does not hold its lock yet would be taken for dead.
    if (this.known) this.tabs.post({ kind: "here", tab: this.tabs.id, lookedAt: this.lookedAt, topics: this.topics });
  }

  private count(count: Count): boolean {
    const { arrivals } = arrive(this.arrivals, { kind: "count", count });
    const isTaken = arrivals !== this.arrivals;
    this.arrivals = arrivals;
    this.change({ unread: arrivals.unread });
    return isTaken;
  }

  private counted(): Count | null {
    const { unread, counted: seq, epoch } = this.arrivals;
    return unread === null || epoch === null ? null : { unread, seq, epoch };
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
