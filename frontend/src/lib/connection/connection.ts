/** One socket as a state machine: it connects, notices when the line is dead, and comes back. */
import { readFrame, type Hello, type Notice, type Position } from "./protocol";

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
}

export interface Listener {
  state(state: State): void;
  hello(hello: Hello): void;
  notice(notice: Notice): void;
}

/** "Do not come back": not signed in, not your inbox. */
const FINAL = new Set([4401, 4403]);
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
/** The server hears at most sixty messages a minute. */
const ACKS_EVERY = 2_000;
/** The two clocks part by so much only if the device slept or its clock was set. */
const CLOCKS_APART = 2_000;

export class Connection {
  state: State = { name: "stopped", code: null };

  private wire: Wire | null = null;
  private attempt = 0;
  private lostAt = 0;
  private clocksApart = 0;
  private toAck = 0;
  private forgetPosition = false;
  private readonly timers = new Map<string, () => void>();

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
    private readonly position: () => Position | null,
  ) {}

  /** Connects, unless it is on the way already. */
  start(): void {
    if (this.state.name !== "stopped") return;
    this.attempt = 0;
    this.lostAt = this.world.now();
    this.move({ name: "connecting" });
    this.connect();
  }

  /** Ends for good, until `start`. The code says why, if the server did it. */
  stop(code: number | null = null): void {
    this.hangUp();
    this.clearAll();
    this.move({ name: "stopped", code });
  }

  /** The network came back, the device woke, or somebody looks: whatever was waited for is tried now. */
  wake(): void {
    if (this.state.name === "stopped") return;
    if (this.state.name === "live") this.check(SHORT_PATIENCE);
    // A first try that hangs since before the sleep is worth no more than one that failed.
    else this.connect();
  }

  /** The device says that it has no network: believed once the line does not answer. */
  networkLost(): void {
    if (this.state.name === "live") this.check(SHORT_PATIENCE);
    else if (this.state.name !== "stopped") this.move(this.away());
  }

  /** Everything up to this number has been shown. Told to the server, at most every two seconds. */
  ack(seq: number): void {
    this.toAck = Math.max(this.toAck, seq);
    if (!this.timers.has("ack")) this.after("ack", ACKS_EVERY, () => { this.sendAck(); });
  }

  /** A number is missing: the rest is asked for by coming back with our position. */
  resume(): void {
    if (this.state.name === "live") this.lost(DEAD_LINE);
  }

  private connect(): void {
    this.hangUp();
    this.clear("retry");
    const wire = this.world.open(this.forgetPosition ? null : this.position());
    this.wire = wire;
    wire.onmessage = (text) => { this.hear(text); };
    wire.onclose = (code) => { this.lost(code); };
    this.after("silence", LONGEST_WAIT, () => { this.lost(DEAD_LINE); });
  }

  private hear(text: string): void {
    this.clear("silence");
    this.clear("patience");
    const frame = readFrame(text);
    if (frame.kind === "hello") this.welcome(frame.hello);
    if (frame.kind === "notice") this.listener.notice(frame.notice);
  }

  private welcome(hello: Hello): void {
    this.forgetPosition = false;
    this.clocksApart = this.world.now() - this.world.steady();
    // First what came, then that it is live: nobody who hears of the second lacks the first.
    this.listener.hello(hello);
    this.move({ name: "live" });
    this.after("stable", STABLE, () => { this.attempt = 0; });
    this.after("heartbeat", HEARTBEAT, () => { this.beat(); });
    if (this.toAck) this.after("ack", ACKS_EVERY, () => { this.sendAck(); });
  }

  private beat(): void {
    this.after("heartbeat", HEARTBEAT, () => { this.beat(); });
    const apart = this.world.now() - this.world.steady();
    // The hello's clock is no longer ours: only a new one tells the time.
    if (Math.abs(apart - this.clocksApart) > CLOCKS_APART) this.resume();
    else this.check(PATIENCE);
  }

  private check(patience: number): void {
    this.say({ type: "ping" });
    this.after("patience", patience, () => { this.lost(DEAD_LINE); });
  }

  private sendAck(): void {
    this.clear("ack");
    if (this.state.name !== "live" || !this.toAck) return;
    this.say({ type: "ack", seq: this.toAck });
    this.toAck = 0;
  }

  private say(message: object): void {
    this.wire?.send(JSON.stringify(message));
  }

  private lost(code: number): void {
    if (FINAL.has(code)) return this.stop(code);
    const wasLive = this.state.name === "live";
    this.hangUp();
    this.clearAll();
    if (wasLive) this.lostAt = this.world.now();
    this.forgetPosition = code === BAD_INPUT;
    this.move(this.away());
    const wait = this.world.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.attempt);
    // Who was cut off by a dead line has waited already.
    this.after("retry", wasLive && code === DEAD_LINE && this.attempt === 0 ? 0 : wait, () => { this.connect(); });
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

  private after(name: string, milliseconds: number, run: () => void): void {
    this.clear(name);
    this.timers.set(name, this.world.later(milliseconds, () => {
      this.timers.delete(name);
      run();
    }));
  }

  private clear(name: string): void {
    this.timers.get(name)?.();
    this.timers.delete(name);
  }

  private clearAll(): void {
    for (const name of [...this.timers.keys()]) this.clear(name);
  }
}
