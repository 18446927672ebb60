/** What is asked of the server, each question with the name that it is kept under. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, server, type Schemas } from "./api";
import { serverNow } from "./live";
import { rememberBookings } from "./memory";

const WHOLE_PAGE = 100;

/** For when there is no network: see `memory.ts`. */
function remember(read: readonly Schemas["BookingSummary"][]): void {
  const now = serverNow();
  rememberBookings(read, now, now - Date.now());
}

export const me = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => answer(server.GET("/api/auth/me/", { signal })),
  staleTime: Infinity,
});

export const lots = (q: string, mine = false) =>
  queryOptions({
    queryKey: ["lots", { q, mine }],
    queryFn: ({ signal }) =>
      answer(server.GET("/api/lots/", { params: { query: { q, mine, page_size: WHOLE_PAGE } }, signal }), "The lots"),
  });

export const lot = (id: number) =>
  queryOptions({
    queryKey: ["lots", id],
    queryFn: ({ signal }) => answer(server.GET("/api/lots/{id}/", { params: { path: { id } }, signal }), "This lot"),
  });

export const washTypes = (id: number) =>
  queryOptions({
    queryKey: ["lots", id, "wash types"],
    queryFn: ({ signal }) => answer(server.GET("/api/lots/{id}/carwash-types/", { params: { path: { id } }, signal }), "The kinds of car wash"),
  });

type BookingFilter = { status?: Schemas["BookingSummary"]["status"]; lot?: number };

export const bookings = (filter: BookingFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ["bookings", filter],
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
    queryFn: async ({ signal }) => {
      const read = await answer(server.GET("/api/bookings/{id}/", { params: { path: { id } }, signal }), "This booking");
      remember([read]);
      return read;
    },
  });

export const timeline = (id: number) =>
  queryOptions({
    queryKey: ["bookings", id, "timeline"],
    queryFn: ({ signal }) => answer(server.GET("/api/bookings/{id}/timeline/", { params: { path: { id } }, signal }), "What has happened"),
  });

export const paymentsOf = (booking: number) =>
  queryOptions({
    queryKey: ["payments", { booking }],
    queryFn: ({ signal }) => answer(server.GET("/api/payments/", { params: { query: { booking } }, signal }), "The payments"),
  });

export const cashToVerify = queryOptions({
  queryKey: ["payments", "cash to verify"],
  queryFn: ({ signal }) =>
    answer(
      server.GET("/api/owner/payments/", {
        params: { query: { method: "cash", status: "PENDING", page_size: WHOLE_PAGE } },
        signal,
      }),
      "The cash to verify",
    ),
});

export const washes = (filter: { booking?: number; status?: Schemas["WashSummary"]["status"] } = {}) =>
  queryOptions({
    queryKey: ["washes", filter],
    queryFn: ({ signal }) =>
      answer(server.GET("/api/carwashes/", { params: { query: { ...filter, page_size: WHOLE_PAGE } }, signal }), "The car washes"),
  });

export const notices = (filter: { unread?: boolean; event?: string }) =>
  infiniteQueryOptions({
    queryKey: ["notices", filter],
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
  queryFn: ({ signal }) => answer(server.GET("/api/notifications/unread/", { signal })),
});

export const preferences = queryOptions({
  queryKey: ["preferences"],
  queryFn: ({ signal }) => answer(server.GET("/api/notification-preferences/", { signal }), "Your choices"),
});

export const today = queryOptions({
  queryKey: ["today"],
  queryFn: ({ signal }) => {
    const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
    return answer(server.GET("/api/owner/today/", { params: { query: { zone } }, signal }), "The day");
  },
});

export const employees = queryOptions({
  queryKey: ["employees"],
  queryFn: ({ signal }) => answer(server.GET("/api/employees/", { params: { query: { page_size: WHOLE_PAGE } }, signal }), "The employees"),
});

export const assignments = queryOptions({
  queryKey: ["assignments"],
  queryFn: ({ signal }) => answer(server.GET("/api/employee-assignments/", { params: { query: {} }, signal }), "Who works where"),
});
