/** What is asked of the server, each question with the name that it is kept under. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, server, type Schemas } from "./api";

const WHOLE_PAGE = 100;

export const me = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => answer(server.GET("/api/auth/me/", { signal })),
  staleTime: Infinity,
});

export const lots = (q: string, mine = false) =>
  queryOptions({
    queryKey: ["lots", { q, mine }],
    queryFn: ({ signal }) =>
      answer(server.GET("/api/lots/", { params: { query: { q, mine, page_size: WHOLE_PAGE } }, signal })),
  });

export const lot = (id: number) =>
  queryOptions({
    queryKey: ["lots", id],
    queryFn: ({ signal }) => answer(server.GET("/api/lots/{id}/", { params: { path: { id } }, signal })),
  });

export const washTypes = (id: number) =>
  queryOptions({
    queryKey: ["lots", id, "wash types"],
    queryFn: ({ signal }) => answer(server.GET("/api/lots/{id}/carwash-types/", { params: { path: { id } }, signal })),
  });

type BookingFilter = { status?: Schemas["BookingSummary"]["status"]; lot?: number };

export const bookings = (filter: BookingFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ["bookings", filter],
    queryFn: ({ pageParam, signal }) =>
      answer(server.GET("/api/bookings/", { params: { query: { ...filter, page: pageParam } }, signal })),
    initialPageParam: 1,
    getNextPageParam: (last, pages) => (last.next ? pages.length + 1 : null),
  });

export const booking = (id: number) =>
  queryOptions({
    queryKey: ["bookings", id],
    queryFn: ({ signal }) => answer(server.GET("/api/bookings/{id}/", { params: { path: { id } }, signal })),
  });

export const timeline = (id: number) =>
  queryOptions({
    queryKey: ["bookings", id, "timeline"],
    queryFn: ({ signal }) => answer(server.GET("/api/bookings/{id}/timeline/", { params: { path: { id } }, signal })),
  });

/** Those that hold their slot, or may still be renewed. */
export const currentBookings = (status: "PENDING" | "BOOKED" | "EXPIRED") =>
  queryOptions({
    queryKey: ["bookings", "current", status],
    queryFn: ({ signal }) =>
      answer(server.GET("/api/bookings/", { params: { query: { status, page_size: WHOLE_PAGE } }, signal })),
  });

export const paymentsOf = (thing: { booking: number } | { car_wash: number }) =>
  queryOptions({
    queryKey: ["payments", thing],
    queryFn: ({ signal }) => answer(server.GET("/api/payments/", { params: { query: thing }, signal })),
  });

export const cashToVerify = queryOptions({
  queryKey: ["payments", "cash to verify"],
  queryFn: ({ signal }) =>
    answer(
      server.GET("/api/owner/payments/", {
        params: { query: { method: "cash", status: "PENDING", page_size: WHOLE_PAGE } },
        signal,
      }),
    ),
});

/** Verified cash, of which some may have to go back to its driver. */
export const cashTaken = queryOptions({
  queryKey: ["payments", "cash taken"],
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
    queryFn: ({ signal }) =>
      answer(server.GET("/api/carwashes/", { params: { query: { ...filter, page_size: WHOLE_PAGE } }, signal })),
  });

export const notices = (filter: { unread?: boolean; event?: string }) =>
  infiniteQueryOptions({
    queryKey: ["notices", filter],
    queryFn: ({ pageParam, signal }) => {
      // The server refuses a kind that it does not know; which there are, it says itself.
      const query = { ...filter, ...(pageParam ? { cursor: pageParam } : {}) } as object;
      return answer(server.GET("/api/notifications/", { params: { query }, signal }));
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
  queryFn: ({ signal }) => answer(server.GET("/api/notification-preferences/", { signal })),
});

export const today = queryOptions({
  queryKey: ["today"],
  queryFn: ({ signal }) => {
    const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
    return answer(server.GET("/api/owner/today/", { params: { query: { zone } }, signal }));
  },
});

/** The bookings that hold a slot between these moments. */
export const comingBookings = (after: string, before: string) =>
  queryOptions({
    queryKey: ["bookings", "coming", before],
    queryFn: ({ signal }) =>
      answer(server.GET("/api/bookings/", { params: { query: { after, before, page_size: WHOLE_PAGE } }, signal })),
  });

export const employees = queryOptions({
  queryKey: ["employees"],
  queryFn: ({ signal }) => answer(server.GET("/api/employees/", { params: { query: { page_size: WHOLE_PAGE } }, signal })),
});

export const assignments = queryOptions({
  queryKey: ["assignments"],
  queryFn: ({ signal }) => answer(server.GET("/api/employee-assignments/", { params: { query: {} }, signal })),
});
