/** The frames of the socket, as docs/socket.md describes them. */

export type Level = "info" | "success" | "warning" | "error";

/** The first frame of a socket: where the inbox stands. */
export interface Hello {
  readonly type: "info";
  readonly connected: true;
  readonly user_id: number;
  readonly seq: number;
  readonly epoch: string;
  readonly reset: boolean;
  readonly unread: number;
  readonly server_time: string;
}

/** A notice. Its facts, such as the booking, stand beside these fields. */
export interface Notice {
  readonly type: Level;
  readonly message: string;
  readonly id: number;
  readonly seq: number;
  readonly event: string;
  readonly created_at: string;
  readonly relevant_until: string | null;
  readonly replayed: boolean;
  readonly relevant: boolean;
  readonly muted: readonly string[];
  readonly unread: number;
  readonly booking?: { readonly id: number };
}

export type Frame =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "notice"; readonly notice: Notice }
  /** From here on these topics' changes are told. */
  | { readonly kind: "following"; readonly topics: readonly string[] }
  /** What these topics stand for has changed. */
  | { readonly kind: "changed"; readonly topics: readonly string[] }
  | { readonly kind: "pong" }
  | { readonly kind: "other" };

/** Where a client stands: the last number that it has given, and the epoch which that counts in. */
export interface Position {
  readonly after: number;
  readonly epoch: string;
}

/** What a text of the socket says; what is not understood is `other`, so that the server may say more. */
export function readFrame(text: string): Frame {
  const frame = parse(text);
  if (frame["connected"] === true) return { kind: "hello", hello: frame as unknown as Hello };
  if (frame["type"] === "pong") return { kind: "pong" };
  if (frame["type"] === "following" || frame["type"] === "changed") {
    return { kind: frame["type"], topics: words(frame["topics"]) };
  }
  if (Number.isSafeInteger(frame["seq"]) && typeof frame["message"] === "string") {
    return { kind: "notice", notice: frame as unknown as Notice };
  }
  return { kind: "other" };
}

function words(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
