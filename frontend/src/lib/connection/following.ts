/** Which topics the server is to tell of: said on every line, and no oftener than it hears. */
import type { World } from "./connection";
import type { Stale } from "./rereads";
import type { Timers } from "./timers";

/** The line that it is said on, and whoever listens. */
interface Line {
  say(topics: readonly string[]): void;
  stale(stale: Stale): void;
}

const FOLLOWS_EVERY = 3_000;
const PATIENCE = 2_000;

export class Following {
  /** The server does not answer: one that does not know how to tell of changes. */
  isSilent = false;

  private wanted: readonly string[] = [];
  /** What was said last on this line; null without a line. */
  private said: readonly string[] | null = null;
  /** What the server told last that it tells of; null before its first answer. */
  private told: readonly string[] | null = null;
  private saidAt = 0;
  private dueAt = Infinity;
  private isOpen = false;

  constructor(
    private readonly world: Pick<World, "steady">,
    private readonly timers: Timers,
    private readonly line: Line,
  ) {}

  want(topics: readonly string[]): void {
    this.wanted = topics;
    this.plan();
  }

  /** A new line: it knows nothing of the one before. */
  begin(): void {
    this.end();
    this.go();
  }

  /** The line is gone. */
  end(): void {
    this.said = this.told = null;
    this.dueAt = Infinity;
    this.isOpen = this.isSilent = false;
  }

  /** From here on the server tells of these: what they were before that, has to be read. */
  answer(topics: readonly string[]): void {
    this.timers.clear("unanswered");
    const { told } = this;
    const news = told && topics.filter((topic) => !told.includes(topic));
    this.told = topics;
    this.isOpen = this.isSilent = false;
    if (!news || news.length) this.line.stale(news);
    this.plan();
  }

  private plan(): void {
    const { said, wanted } = this;
    if (!said || this.isOpen) return;
    const isMore = wanted.some((topic) => !said.includes(topic));
    if (!isMore && said.every((topic) => wanted.includes(topic))) {
      this.dueAt = Infinity;
      return this.timers.clear("follow");
    }
    // To hear of too much harms nobody, and the next page may want it again: less is said without haste.
    const wait = isMore ? Math.max(0, this.saidAt + FOLLOWS_EVERY - this.world.steady()) : FOLLOWS_EVERY;
    const dueAt = this.world.steady() + wait;
    if (this.dueAt <= dueAt) return;
    this.dueAt = dueAt;
    this.timers.after("follow", wait, () => { this.go(); });
  }

  private go(): void {
    this.dueAt = Infinity;
    this.said = this.wanted;
    this.saidAt = this.world.steady();
    // Not understood, it would be a mistake: nothing more is said on a line that does not answer.
    this.isOpen = true;
    this.timers.after("unanswered", PATIENCE, () => {
      this.isSilent = true;
      this.line.stale(null);
    });
    this.line.say(this.wanted);
  }
}
