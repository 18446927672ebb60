/** One's bookings, current first. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Ticket } from "lucide-react";
import { Link } from "react-router";
import type { Schemas } from "@/lib/api";
import { countdown, moment, money } from "@/lib/format";
import { useFollow, useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, buttonClass } from "@/ui/controls";
import { Asked, Empty, Page } from "@/ui/layout";
import { Status } from "@/ui/status";

type Booking = Schemas["BookingSummary"];

const CURRENT = new Set(["PENDING", "BOOKED", "EXPIRED"]);

export function BookingsPage({ user }: { user: Schemas["Account"] }) {
  const query = useInfiniteQuery(ask.bookings());
  const drives = user.role === "driver" && !user.is_staff;
  useFollow(drives ? [] : ["desk"]);
  return (
    <Page title={drives ? "My bookings" : "Bookings"}>
      <Asked query={query}>
        {({ pages }) => {
          const all = pages.flatMap(({ results }) => results);
          const [current, past] = [all.filter(isCurrent), all.filter((booking) => !isCurrent(booking))];
          if (!all.length) return <NoBookings drives={drives} />;
          return (
            <div className="grid gap-8">
              <Group title="Current" bookings={current} drives={drives} />
              <Group title="Past" bookings={past} drives={drives} />
            </div>
          );
        }}
      </Asked>
      {query.hasNextPage && (
        <Button className="mx-auto mt-4 flex" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Older
        </Button>
      )}
    </Page>
  );
}

const isCurrent = ({ status }: Booking) => CURRENT.has(status);

function NoBookings({ drives }: { drives: boolean }) {
  return (
    <Empty icon={Ticket} title="No bookings yet">
      {drives ? (
        <Link to="/lots" className={`${buttonClass("main")} mt-2`}>
          Find a slot
        </Link>
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
      <Link to={`/bookings/${String(booking.id)}`} className="flex items-center gap-4 rounded-2xl border border-line bg-card p-4 transition hover:border-accent">
        <span className="min-w-0 flex-1">
          <span className="block font-semibold break-words">
            {booking.lot_name}, slot {booking.slot_number}
          </span>
          <span className="block text-sm break-words text-soft">
            {moment(start, now)} – {moment(end, now)} · {booking.vehicle_number}
            {!drives && ` · ${booking.driver_name}`}
          </span>
        </span>
        <span className="grid justify-items-end gap-1">
          <Status of={booking.status} />
          <span className="text-sm font-semibold tabular-nums">{runs ? countdown(end - now) : money(booking.price)}</span>
        </span>
      </Link>
    </li>
  );
}
