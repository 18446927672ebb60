/** One socket as a state machine: it connects, notices when the line is dead, and comes back. */
import { Following } from "./following";
import { readFrame, type Frame, type Hello, type Notice, type Position } from "./protocol";
import type { Stale } from "./rereads";
import { SleepWatch } from "./sleep";
import { Timers } from "./timers";

export type State =
  | { readonly name: "connecting" }
  | { readonly name: "live" }
  | { readonly name: "reconnecting"; readonly since: number }
  | { readonly name: "offline"; readonly since: number }
  | { readonly name: "stopped"; readonly code: number | null };

/** What it needs of a WebSocket. */
export interface Wire {
  onmessage: ((text: string) => void) | null;
  onclose: ((code: number) => void) | null;
  send(text: string): void;
  close(): void;
}

/** The world outside, so that tests can be it. Times are in milliseconds. */
export interface World {
  /** Opens a socket; the position goes into its address. */
  open(position: Position | null): Wire;
  /** The device's clock, which may be wrong and may be set. */
  now(): number;
  /** A clock that nobody can set. */
  steady(): number;
  /** Runs it later; the answer takes that back. */
  later(milliseconds: number, run: () => void): () => void;
  random(): number;
  isOnline(): boolean;
  /** Whether this person is still signed in here; null if nobody can say. */
  ask(answer: (signedIn: boolean | null) => void): void;
}

export interface Listener {
  state(state: State): void;
  hello(hello: Hello): void;
  notice(notice: Notice): void;
  /** What these topics stand for has changed, or may have (null: anything). */
  stale(stale: Stale): void;
}

/** "Do not come back": this sign-in has ended, or was for somebody else. */
const NOT_SIGNED_IN = 4401;
const NOT_YOURS = 4403;
/** The server did not understand what we sent: perhaps our position. */
const BAD_INPUT = 4400;
/** A line that the other end does not know of any more. Nothing is sent with it. */
const DEAD_LINE = 1006;

export const LONGEST_WAIT = 20_000;
const FIRST_WAIT = 500;
const HEARTBEAT = 20_000;
const PATIENCE = 5_000;
/** After waking, or when the network has changed, the answer is either quick or the line is dead. */
const SHORT_PATIENCE = 1_000;
/** A server that accepts a socket but cannot keep it must not be asked again at once, for ever. */
const STABLE = 5_000;
/** The server hears at most sixty messages a minute: these, some twenty follows and these pings are fewer. */
const ACKS_EVERY = 2_500;
const PINGS_A_MINUTE = 8;
const MINUTE = 60_000;

export class Connection {
  state: State = { name: "stopped", code: null };

  private wire: Wire | null = null;
  private attempt = 0;
  private lostAt = 0;
  private toAck = 0;
  private pings: number[] = [];
  private forgetPosition = false;
  private asks = false;
  private readonly timers: Timers;
  private readonly sleep: SleepWatch;
  private readonly following: Following;

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
    private readonly position: () => Position | null,
  ) {
    this.timers = new Timers(world);
    // The hello's clock is no longer ours: only a new one tells the time.
    this.sleep = new SleepWatch(world, (how) => {
      if (how === "parted" && this.state.name === "live") this.resume();
      else this.wake();
    });
    this.following = new Following(world, this.timers, {
      say: (topics) => { this.say({ type: "follow", topics }); },
      stale: (stale) => { listener.stale(stale); },
    });
  }

  /** Connects, unless it is on the way already. */
  start(): void {
    if (this.state.name !== "stopped") return;
    this.attempt = 0;
    this.lostAt = this.world.now();
    this.move({ name: "connecting" });
    this.connect();
    this.sleep.start();
  }

  /** Ends for good, until `start`. The code says why, if the server did it. */
  stop(code: number | null = null): void {
    this.rest();
    this.sleep.stop();
    this.move({ name: "stopped", code });
  }

  /** The network came back, the device woke, or somebody looks: whatever was waited for is tried now. */
  wake(): void {
    if (this.state.name === "live") return this.check(SHORT_PATIENCE);
    if (this.state.name === "stopped") return this.reconsider();
    if (this.state.name !== "connecting") this.move(this.away());
    // A first try that hangs since before the sleep is worth no more than one that failed.
    this.connect();
  }

  /** The device says that it has no network: believed once the line does not answer. */
  networkLost(): void {
    if (this.state.name === "live") this.check(SHORT_PATIENCE);
    else if (this.state.name !== "stopped") this.move(this.away());
  }

  /** Everything up to this number has been shown. Told to the server, every 2.5 s at most. */
  ack(seq: number): void {
    this.toAck = Math.max(this.toAck, seq);
    if (!this.timers.has("ack")) this.timers.after("ack", ACKS_EVERY, () => { this.sendAck(); });
  }

  /** These topics' changes are to be told, and no others. */
  follow(topics: readonly string[]): void {
    this.following.want(topics);
  }

  /** Whether the line is live and yet the server does not tell of changes. */
  get tellsNoChanges(): boolean {
    return this.following.isSilent;
  }

  /** A number is missing: the rest is asked for by coming back with our position. */
  resume(): void {
    if (this.state.name === "live") this.lost(DEAD_LINE);
  }

  private connect(): void {
    this.rest();
    const wire = this.world.open(this.forgetPosition ? null : this.position());
    this.wire = wire;
    wire.onmessage = (text) => { this.hear(readFrame(text)); };
    wire.onclose = (code) => { this.closed(code); };
    this.timers.after("silence", LONGEST_WAIT, () => { this.lost(DEAD_LINE); });
  }

  private hear(frame: Frame): void {
    this.timers.clear("silence");
    this.timers.clear("patience");
    switch (frame.kind) {
      case "hello":
        return this.welcome(frame.hello);
      case "notice":
        return this.listener.notice(frame.notice);
      case "following":
        return this.following.answer(frame.topics);
      case "changed":
        return this.listener.stale(frame.topics);
    }
  }

  private welcome(hello: Hello): void {
    this.forgetPosition = false;
    this.sleep.note();
    // First what came, then that it is live: nobody who hears of the second lacks the first.
    this.listener.hello(hello);
    this.move({ name: "live" });
    this.timers.after("stable", STABLE, () => { this.attempt = 0; });
    this.timers.after("heartbeat", HEARTBEAT, () => { this.beat(); });
    if (this.toAck) this.timers.after("ack", ACKS_EVERY, () => { this.sendAck(); });
    this.following.begin();
  }

  private beat(): void {
    this.timers.after("heartbeat", HEARTBEAT, () => { this.beat(); });
    this.check(PATIENCE);
  }

  /** Whether the line answers. A question that is open, or one too many, is not asked again. */
  private check(patience: number): void {
    const now = this.world.steady();
    this.pings = this.pings.filter((at) => at > now - MINUTE);
    if (this.timers.has("patience") || this.pings.length >= PINGS_A_MINUTE) return;
    this.pings.push(now);
    this.say({ type: "ping" });
    this.timers.after("patience", patience, () => { this.lost(DEAD_LINE); });
  }

  private sendAck(): void {
    this.timers.clear("ack");
    if (this.state.name !== "live" || !this.toAck) return;
    this.say({ type: "ack", seq: this.toAck });
    this.toAck = 0;
  }

  private say(message: object): void {
    this.wire?.send(JSON.stringify(message));
  }

  private closed(code: number): void {
    if (code === NOT_YOURS) return this.stop(code);
    this.lost(code);
    // Another password ends the sockets and not the session: the door says whether one is still in.
    if (code === NOT_SIGNED_IN) this.doubt();
  }

  /** Signed out for good? */
  private doubt(): void {
    this.ask((signedIn) => {
      if (signedIn === false && this.state.name !== "stopped" && this.state.name !== "live") this.stop(NOT_SIGNED_IN);
    });
  }

  /** Signed in again elsewhere meanwhile? */
  private reconsider(): void {
    if (this.state.name !== "stopped" || this.state.code !== NOT_SIGNED_IN) return;
    this.ask((signedIn) => { if (signedIn) this.start(); });
  }

  private ask(then: (signedIn: boolean | null) => void): void {
    if (this.asks) return;
    this.asks = true;
    this.world.ask((signedIn) => {
      this.asks = false;
      then(signedIn);
    });
  }

  private lost(code: number): void {
    const wasLive = this.state.name === "live";
    this.rest();
    if (wasLive) this.lostAt = this.world.now();
    this.forgetPosition = code === BAD_INPUT;
    this.move(this.away());
    const wait = this.world.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.attempt);
    // Who was cut off by a dead line has waited already.
    this.timers.after("retry", wasLive && code === DEAD_LINE && this.attempt === 0 ? 0 : wait, () => { this.connect(); });
    this.attempt += 1;
  }

  private away(): State {
    return { name: this.world.isOnline() ? "reconnecting" : "offline", since: this.lostAt };
  }

  private hangUp(): void {
    const wire = this.wire;
    this.wire = null;
    if (!wire) return;
    wire.onmessage = wire.onclose = null;
    wire.close();
  }

  private move(state: State): void {
    this.state = state;
    this.listener.state(state);
  }

  /** Without a line nothing is waited for. */
  private rest(): void {
    this.hangUp();
    this.following.end();
    this.timers.clearAll();
  }
}
