/** The HTTP door: typed by the server's own document, errors in the server's words. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** What the server would not do, or that it could not be asked. The message may be shown. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Readonly<Record<string, readonly string[]>> = {},
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  /** Nobody knows whether it was done: the same again, with the same key, finds out. */
  get undecided(): boolean {
    return this.status === 0 || this.status >= 500 || this.code === "in_flight";
  }
}

export const server = createClient<paths>({ baseUrl: location.origin });

server.use({
  onRequest({ request }) {
    // Read for each request: a sign-in in another tab changes it.
    if (request.method !== "GET") request.headers.set("X-CSRFToken", cookie("csrftoken"));
    return request;
  },
});

/** The answer's body. Raises Refusal; where the server cannot be reached, that says `what` cannot be shown. */
export async function answer<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>, what?: string): Promise<T> {
  let given;
  try {
    given = await asked;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    const reason = "ParkMate cannot be reached. Look at your network and try again.";
    throw new Refusal(0, "unreachable", what ? `${what} cannot be shown: ${reason}` : reason);
  }
  if (!given.response.ok) throw refusal(given.response.status, given.error);
  return given.data as T;
}

function refusal(status: number, body: unknown): Refusal {
  const { code, message, fields, ...facts } = (typeof body === "object" && body ? body : {}) as Record<string, unknown>;
  const words = typeof message === "string" ? message : "ParkMate answered something that it should not have.";
  return new Refusal(status, typeof code === "string" ? code : "unknown", words, flat(fields), facts);
}

/** Nested refusals, such as those of the third slot, under the name of their outermost field. */
function flat(fields: unknown): Record<string, string[]> {
  const entries = typeof fields === "object" && fields ? Object.entries(fields) : [];
  return Object.fromEntries(entries.map(([name, words]) => [name, [...sentences(words)]]));
}

function* sentences(tree: unknown): Generator<string> {
  if (typeof tree === "string") yield tree;
  else if (typeof tree === "object" && tree) for (const branch of Object.values(tree)) yield* sentences(branch);
}

function cookie(name: string): string {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? "";
}

/** A key for one wish. Also outside HTTPS, where browsers have no `randomUUID`. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
