/** Which topics the server is to tell of: said on every line, and no oftener than it hears. */
import type { Stale } from "./rereads";

export interface FollowingWorld {
  /** A clock that nobody can set, in milliseconds. */
  now(): number;
  say(topics: readonly string[]): void;
  /** Runs it later; again under the same name is in place of the first. */
  after(name: string, milliseconds: number, run: () => void): void;
  clear(name: string): void;
  stale(stale: Stale): void;
}

export const FOLLOWS_EVERY = 3_000;
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

  constructor(private readonly world: FollowingWorld) {}

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
    this.world.clear("unanswered");
    const { told } = this;
    const news = told && topics.filter((topic) => !told.includes(topic));
    this.told = topics;
    this.isOpen = this.isSilent = false;
    if (!news || news.length) this.world.stale(news);
    this.plan();
  }

  private plan(): void {
    const { said, wanted } = this;
    if (!said || this.isOpen) return;
    const isMore = wanted.some((topic) => !said.includes(topic));
    if (!isMore && said.every((topic) => wanted.includes(topic))) {
      this.dueAt = Infinity;
      return this.world.clear("follow");
    }
    // To hear of too much harms nobody, and the next page may want it again: less is said without haste.
    const wait = isMore ? Math.max(0, this.saidAt + FOLLOWS_EVERY - this.world.now()) : FOLLOWS_EVERY;
    const dueAt = this.world.now() + wait;
    if (this.dueAt <= dueAt) return;
    this.dueAt = dueAt;
    this.world.after("follow", wait, () => { this.go(); });
  }

  private go(): void {
    this.dueAt = Infinity;
    this.said = this.wanted;
    this.saidAt = this.world.now();
    // Not understood, it would be a mistake: nothing more is said on a line that does not answer.
    this.isOpen = true;
    this.world.after("unanswered", PATIENCE, () => {
      this.isSilent = true;
      this.world.stale(null);
    });
    this.world.say(this.wanted);
  }
}
