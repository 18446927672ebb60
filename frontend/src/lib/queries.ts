/** What is asked of the server, each question with the name that it is kept under and what makes it old. */
import { infiniteQueryOptions, queryOptions, type Query, type QueryClient } from "@tanstack/react-query";
import { answer, Refusal, server, type Schemas } from "./api";
import { learnUnread, serverNow } from "./live";
import { INBOX, type Stale } from "./connection";
import { rememberBookings } from "./memory";
import { askedAgain, isPunctual } from "./punctual";

declare module "@tanstack/react-query" {
  interface Register {
    /** The topics of the socket that tell of a change in the answer; `lot` is any of the lots followed. */
    queryMeta: { topics: readonly string[] };
  }
}

const WHOLE_PAGE = 100;

/** Reads anew what is drawn of these topics, or everything (null); the rest when it is drawn again.
 * False if the server could not be asked. */
export async function reread(queries: QueryClient, stale: Stale): Promise<boolean> {
  const told = stale && new Set(stale.flatMap((topic) => [topic, topic.replace(/:.*/, "")]));
  // What does not say what it depends on may depend on anything.
  const isOld = ({ meta }: Query) => meta?.topics.some((topic) => told === null || told.has(topic)) ?? true;
  const cache = queries.getQueryCache();
  // What is just being loaded, also as a list's next page, is not kept waiting: it is read again once it is here.
  const loading = new Set(cache.findAll({ fetchStatus: "fetching", predicate: isOld }).filter(({ state }) => state.data === undefined || state.fetchMeta?.fetchMore));
  await Promise.all([
    queries.invalidateQueries({ predicate: (query) => isOld(query) && !loading.has(query) }),
    queries.invalidateQueries({ predicate: (query) => loading.has(query) }, { cancelRefetch: false }),
  ]);
  await queries.invalidateQueries({ predicate: (query) => loading.has(query) });
  const drawn = cache.findAll({ type: "active", predicate: isOld });
  return !drawn.some(({ state: { error } }) => error instanceof Refusal && error.undecided);
}

const mineOrDesk = { topics: ["me", "desk"] };

/** For when there is no network: see `memory.ts`. */
function remember(read: readonly Schemas["BookingSummary"][]): void {
  const now = serverNow();
  rememberBookings(read, now, now - Date.now());
}

export const me = queryOptions({
  queryKey: ["me"],
  meta: { topics: [] },
  queryFn: ({ signal }) => answer(server.GET("/api/auth/me/", { signal })),
  staleTime: Infinity,
});

/** Whether notices come on time. Never an error: without an answer nobody has said that they do not. */
export const punctual = queryOptions({
  queryKey: ["punctual"],
  meta: { topics: ["health"] },
  queryFn: async ({ signal }) => {
    const asked = server.GET("/api/health/ready/", { signal });
    return isPunctual((await asked.catch(() => null))?.error);
  },
  staleTime: Infinity,
  refetchInterval: ({ state }) => askedAgain(state.data),
});

export const lots = (q: string, mine = false) =>
  queryOptions({
    queryKey: ["lots", { q, mine }],
    meta: { topics: mine ? ["lot", "desk"] : ["lot"] },
    queryFn: ({ signal }) =>
      answer(server.GET("/api/lots/", { params: { query: { q, mine, page_size: WHOLE_PAGE } }, signal }), "The lots"),
  });

export const lot = (id: number) =>
  queryOptions({
    queryKey: ["lots", id],
    meta: { topics: [`lot:${String(id)}`] },
    queryFn: ({ signal }) => answer(server.GET("/api/lots/{id}/", { params: { path: { id } }, signal }), "This lot"),
  });

export const washTypes = (id: number) =>
  queryOptions({
    queryKey: ["lots", id, "wash types"],
    meta: { topics: [`lot:${String(id)}`] },
    queryFn: ({ signal }) => answer(server.GET("/api/lots/{id}/carwash-types/", { params: { path: { id } }, signal }), "The kinds of car wash"),
  });

type BookingFilter = { status?: Schemas["BookingSummary"]["status"]; lot?: number };

export const bookings = (filter: BookingFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ["bookings", filter],
    meta: mineOrDesk,
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...filter, page: pageParam };
      const read = await answer(server.GET("/api/bookings/", { params: { query }, signal }), "Your bookings");
      remember(read.results);
      return read;
    },
    initialPageParam: 1,
    getNextPageParam: (last, pages) => (last.next ? pages.length + 1 : null),
  });

export const booking = (id: number) =>
  queryOptions({
    queryKey: ["bookings", id],
    meta: mineOrDesk,
    queryFn: async ({ signal }) => {
      const read = await answer(server.GET("/api/bookings/{id}/", { params: { path: { id } }, signal }), "This booking");
      remember([read]);
      return read;
    },
  });

export const timeline = (id: number) =>
  queryOptions({
    queryKey: ["bookings", id, "timeline"],
    meta: mineOrDesk,
    queryFn: ({ signal }) => answer(server.GET("/api/bookings/{id}/timeline/", { params: { path: { id } }, signal }), "What has happened"),
  });

/** Those that hold their slot, or may still be renewed. */
export const currentBookings = (status: "PENDING" | "BOOKED" | "EXPIRED") =>
  queryOptions({
    queryKey: ["bookings", "current", status],
    meta: mineOrDesk,
    queryFn: async ({ signal }) => {
      const query = { status, page_size: WHOLE_PAGE };
      const read = await answer(server.GET("/api/bookings/", { params: { query }, signal }), "Your bookings");
      remember(read.results);
      return read;
    },
  });

export const paymentsOf = (thing: { booking: number } | { car_wash: number }) =>
  queryOptions({
    queryKey: ["payments", thing],
    meta: mineOrDesk,
    queryFn: ({ signal }) => answer(server.GET("/api/payments/", { params: { query: thing }, signal }), "The payments"),
  });

export const cashToVerify = queryOptions({
  queryKey: ["payments", "cash to verify"],
  meta: { topics: ["desk"] },
  queryFn: ({ signal }) =>
    answer(
      server.GET("/api/owner/payments/", {
        params: { query: { method: "cash", status: "PENDING", page_size: WHOLE_PAGE } },
        signal,
      }),
      "The cash to verify",
    ),
});

/** Verified cash, of which some may have to go back to its driver. */
export const cashTaken = queryOptions({
  queryKey: ["payments", "cash taken"],
  meta: { topics: ["desk"] },
  queryFn: ({ signal }) =>
    answer(
      server.GET("/api/owner/payments/", {
        params: { query: { method: "cash", status: "VERIFIED", page_size: WHOLE_PAGE } },
        signal,
      }),
    ),
});

export const washes = (filter: { booking?: number; status?: Schemas["WashSummary"]["status"] } = {}) =>
  queryOptions({
    queryKey: ["washes", filter],
    meta: mineOrDesk,
    queryFn: ({ signal }) =>
      answer(server.GET("/api/carwashes/", { params: { query: { ...filter, page_size: WHOLE_PAGE } }, signal }), "The car washes"),
  });

export const notices = (filter: { unread?: boolean; event?: string }) =>
  infiniteQueryOptions({
    queryKey: ["notices", filter],
    meta: { topics: ["me", INBOX] },
    queryFn: ({ pageParam, signal }) => {
      // The server refuses a kind that it does not know; which there are, it says itself.
      const query = { ...filter, ...(pageParam ? { cursor: pageParam } : {}) } as object;
      return answer(server.GET("/api/notifications/", { params: { query }, signal }), "Your notices");
    },
    initialPageParam: "",
    getNextPageParam: (last) => (last.next ? new URL(last.next).searchParams.get("cursor") : null),
  });

export const unread = queryOptions({
  queryKey: ["unread"],
  meta: { topics: ["me"] },
  queryFn: async ({ signal }) => {
    const ask = () => answer(server.GET("/api/notifications/unread/", { signal }));
    const count = await ask();
    if (learnUnread(count)) return count;
    // A notice has come meanwhile that this answer does not know of yet.
    const newer = await ask();
    learnUnread(newer);
    return newer;
  },
});

export const preferences = queryOptions({
  queryKey: ["preferences"],
  meta: { topics: ["me"] },
  queryFn: ({ signal }) => answer(server.GET("/api/notification-preferences/", { signal }), "Your choices"),
});

export const today = queryOptions({
  queryKey: ["today"],
  meta: { topics: ["desk"] },
  queryFn: ({ signal }) => {
    const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
    return answer(server.GET("/api/owner/today/", { params: { query: { zone } }, signal }), "The day");
  },
});

/** The bookings that hold a slot between these moments. */
export const comingBookings = (after: string, before: string) =>
  queryOptions({
    queryKey: ["bookings", "coming", before],
    meta: { topics: ["desk"] },
    queryFn: ({ signal }) =>
      answer(server.GET("/api/bookings/", { params: { query: { after, before, page_size: WHOLE_PAGE } }, signal })),
  });

export const employees = queryOptions({
  queryKey: ["employees"],
  meta: { topics: ["desk"] },
  queryFn: ({ signal }) => answer(server.GET("/api/employees/", { params: { query: { page_size: WHOLE_PAGE } }, signal }), "The employees"),
});

export const assignments = queryOptions({
  queryKey: ["assignments"],
  meta: { topics: ["desk"] },
  queryFn: ({ signal }) => answer(server.GET("/api/employee-assignments/", { params: { query: {} }, signal }), "Who works where"),
});
