/** The bookings at one's lots; new ones appear by themselves. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Ticket } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Confirm } from "@/ui/Confirm";
import { Button, Choice } from "@/ui/controls";
import { Asked, Empty, Problem } from "@/ui/layout";
import { Status } from "@/ui/status";
import { useDeed } from "./useDeed";

type Booking = Schemas["BookingSummary"];

const SHOWN = [
  { value: "", label: "All" },
  { value: "PENDING", label: "Cash to come" },
  { value: "BOOKED", label: "Booked" },
  { value: "EXPIRED", label: "Expired" },
] as const;

export function Bookings() {
  const [status, setStatus] = useState<(typeof SHOWN)[number]["value"]>("");
  const query = useInfiniteQuery(ask.bookings(status ? { status } : {}));
  const cash = useQuery(ask.cashToVerify);
  return (
    <div className="grid gap-4">
      <Choice label="Show" value={status} options={SHOWN} onChange={setStatus} />
      <Asked query={query}>
        {({ pages }) => {
          const all = pages.flatMap(({ results }) => results);
          if (!all.length) return <Empty icon={Ticket} title="No such bookings">They appear here by themselves as soon as somebody books.</Empty>;
          return (
            <ul className="grid gap-2">
              {all.map((booking) => (
                <Row key={booking.id} booking={booking} payment={cash.data?.results.find((payment) => payment.booking === booking.id)?.id ?? null} />
              ))}
            </ul>
          );
        }}
      </Asked>
      {query.hasNextPage && (
        <Button className="mx-auto flex" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Older
        </Button>
      )}
    </div>
  );
}

function Row({ booking, payment }: { booking: Booking; payment: number | null }) {
  const now = useServerTime();
  const verify = useDeed((id: number) => answer(server.POST("/api/owner/payments/{id}/verify/", { params: { path: { id } } })));
  const decline = useDeed((id: number) => answer(server.POST("/api/bookings/{id}/decline/", { params: { path: { id } } })));
  const holds = booking.status === "PENDING" || booking.status === "BOOKED";
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-3 rounded-2xl border border-line bg-card p-4">
      <Link to={`/bookings/${String(booking.id)}`} className="min-w-0 flex-1 basis-60 hover:underline">
        <span className="block font-semibold break-words">
          {booking.driver_name} · {booking.vehicle_number}
        </span>
        <span className="block text-sm break-words text-soft">
          {booking.lot_name}, slot {booking.slot_number} · {moment(booking.starts_at, now)} – {moment(booking.ends_at, now)}
        </span>
      </Link>
      <span className="font-semibold tabular-nums">{money(booking.price)}</span>
      <Status of={booking.status} />
      <span className="flex gap-2">
        {payment !== null && (
          <Button tone="main" busy={verify.isPending} onClick={() => { verify.mutate(payment); }}>
            Verify cash
          </Button>
        )}
        {holds && (
          <Confirm trigger="Decline" title={`Decline the booking of ${booking.driver_name}?`} yes="Yes, decline it" busy={decline.isPending} onYes={() => { decline.mutate(booking.id); }}>
            The driver is told, and what was paid is refunded. This cannot be undone.
          </Confirm>
        )}
      </span>
      <Problem error={verify.error ?? decline.error} />
    </li>
  );
}
