/** One's bookings, current first. */
import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { Ticket } from "lucide-react";
import { Link } from "react-router";
import type { Schemas } from "@/lib/api";
import { countdown, money, period } from "@/lib/format";
import { serverNow, useFollow, useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, buttonClass } from "@/ui/controls";
import { Empty, Loading, Page, Problem } from "@/ui/layout";
import { Status } from "@/ui/status";

type Booking = Schemas["BookingSummary"];

// What can be renewed waits for its driver; then what runs, and what comes.
const CURRENT = ["EXPIRED", "PENDING", "BOOKED"] as const;

export function BookingsPage({ user }: { user: Schemas["Account"] }) {
  const asked = useQueries({ queries: CURRENT.map((status) => ask.currentBookings(status)) });
  const all = useInfiniteQuery(ask.bookings());
  const drives = user.role === "driver" && !user.is_staff;
  useFollow(drives ? [] : ["desk"]);
  const told = asked.flatMap(({ data }) => data?.results ?? []);
  // One that has just expired is still in the answer about those that run.
  const current = told.filter(({ id }, at) => told.findIndex((one) => one.id === id) === at).sort((a, b) => order(a) - order(b));
  const past = (all.data?.pages ?? []).flatMap(({ results }) => results).filter(({ status }) => !CURRENT.some((one) => one === status));
  const waiting = all.isPending || asked.some(({ isPending }) => isPending);
  const retry = () => void Promise.all([all, ...asked].map(({ refetch }) => refetch()));
  const error = all.error ?? asked.find((one) => one.error)?.error ?? null;
  return (
    <Page
      title={drives ? "My bookings" : "Bookings"}
      actions={drives && (current.length > 0 || past.length > 0) && <Link to="/lots" className={buttonClass("main")}>Book a slot</Link>}
    >
      <div className="grid gap-8">
        <Problem error={error} retry={retry} />
        {waiting && !error && <Loading />}
        {!waiting && !error && !current.length && !past.length && !all.hasNextPage && <NoBookings drives={drives} />}
        <Group title="Current" bookings={current} drives={drives} />
        <Group title="Past" bookings={past} drives={drives} />
      </div>
      {all.hasNextPage && (
        <Button className="mx-auto mt-6 flex" busy={all.isFetchingNextPage} onClick={() => void all.fetchNextPage()}>
          Older
        </Button>
      )}
    </Page>
  );
}

function order({ status, starts_at, ends_at }: Booking): number {
  if (status === "EXPIRED") return 0;
  return Date.parse(Date.parse(starts_at) <= serverNow() ? ends_at : starts_at);
}

function NoBookings({ drives }: { drives: boolean }) {
  return (
    <Empty icon={Ticket} title="No bookings yet">
      {drives ? (
        <>
          Find a lot near you, choose a slot, and see the price before you pay.
          <br />
          <Link to="/lots" className={`${buttonClass("main")} mt-4`}>
            Find a slot
          </Link>
        </>
      ) : (
        "They appear here by themselves as soon as somebody books."
      )}
    </Empty>
  );
}

function Group({ title, bookings, drives }: { title: string; bookings: Booking[]; drives: boolean }) {
  if (!bookings.length) return null;
  return (
    <section>
      <h2 className="mb-3 text-sm font-semibold text-soft">{title}</h2>
      <ul className="grid gap-2">
        {bookings.map((booking) => (
          <Row key={booking.id} booking={booking} drives={drives} />
        ))}
      </ul>
    </section>
  );
}

function Row({ booking, drives }: { booking: Booking; drives: boolean }) {
  const now = useServerTime();
  const [start, end] = [Date.parse(booking.starts_at), Date.parse(booking.ends_at)];
  const runs = (booking.status === "BOOKED" || booking.status === "PENDING") && start <= now && now < end;
  return (
    <li>
      <Link
        to={`/bookings/${String(booking.id)}`}
        className={`flex items-center gap-4 rounded-2xl border bg-card p-4 transition hover:border-accent ${runs ? "border-accent" : "border-line"}`}
      >
        <span className="min-w-0 flex-1">
          <span className="block font-semibold">
            {booking.lot_name}, slot {booking.slot_number}
          </span>
          <span className="block text-sm text-soft">
            {period(start, end, now)} · {booking.vehicle_number}
            {!drives && ` · ${booking.driver_name}`}
          </span>
          {booking.status === "EXPIRED" && drives && <span className="mt-1 block text-sm font-semibold text-accent">Renew it while the slot is free</span>}
        </span>
        <span className="grid shrink-0 justify-items-end gap-1">
          <Status of={booking.status} />
          <span className={`font-semibold tabular-nums ${runs ? "text-lg" : "text-sm"}`}>{runs ? countdown(end - now) : money(booking.price)}</span>
        </span>
      </Link>
    </li>
  );
}
