/** The bookings at one's lots; new ones appear by themselves. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Ticket } from "lucide-react";
import { Link, useSearchParams } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import { money, period } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Confirm } from "@/ui/Confirm";
import { Button, Choice, Select } from "@/ui/controls";
import { Asked, Empty, Problem } from "@/ui/layout";
import { Status } from "@/ui/status";
import { Verify } from "./CashButton";
import { useDeed } from "./useDeed";

type Booking = Schemas["BookingSummary"];

const SHOWN = [
  { value: "", label: "All" },
  { value: "PENDING", label: "Cash to come" },
  { value: "BOOKED", label: "Booked" },
  { value: "EXPIRED", label: "Expired" },
] as const;

export function Bookings() {
  const [search, setSearch] = useSearchParams();
  const status = SHOWN.find(({ value }) => value === search.get("status"))?.value ?? "";
  const lot = Number(search.get("lot")) || 0;
  const query = useInfiniteQuery(ask.bookings({ ...(status ? { status } : {}), ...(lot ? { lot } : {}) }));
  const lots = useQuery(ask.lots("", true));
  const cash = useQuery(ask.cashToVerify);
  const change = (name: string, value: string) => {
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    }, { replace: true });
  };
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap items-end gap-x-6 gap-y-3">
        <Choice label="Show" value={status} options={SHOWN} onChange={(value) => { change("status", value); }} />
        {(lots.data?.results.length ?? 0) > 1 && (
          <Select label="At" className="w-full max-w-xs" value={lot || ""} onChange={(event) => { change("lot", event.target.value); }}>
            <option value="">All my lots</option>
            {lots.data?.results.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
          </Select>
        )}
      </div>
      <Asked query={query}>
        {({ pages }) => {
          const all = pages.flatMap(({ results }) => results);
          if (!all.length) {
            return (
              <Empty icon={Ticket} title={status || lot ? "None like that" : "No bookings yet"}>
                {status || lot ? <Button onClick={() => { setSearch({}, { replace: true }); }}>Show all</Button> : "They appear here by themselves as soon as somebody books."}
              </Empty>
            );
          }
          return (
            <ul className="grid gap-2">
              {all.map((booking) => (
                <Row key={booking.id} booking={booking} payment={cash.data?.results.find((payment) => payment.booking === booking.id) ?? null} />
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

function Row({ booking, payment }: { booking: Booking; payment: Schemas["PaymentSummary"] | null }) {
  const now = useServerTime();
  const decline = useDeed(() => answer(server.POST("/api/bookings/{id}/decline/", { params: { path: { id: booking.id } } })));
  const holds = booking.status === "PENDING" || booking.status === "BOOKED";
  return (
    <li className="rounded-2xl border border-line bg-card p-4">
      <div className="flex items-start gap-3">
        <Link to={`/bookings/${String(booking.id)}`} className="min-w-0 flex-1 hover:underline">
          <span className="block font-semibold">
            {booking.driver_name} · {booking.vehicle_number}
          </span>
          <span className="block text-sm text-soft">
            {booking.lot_name}, slot {booking.slot_number}
          </span>
          <span className="block text-sm text-soft">{period(booking.starts_at, booking.ends_at, now)}</span>
        </Link>
        <span className="grid shrink-0 justify-items-end gap-1">
          <Status of={booking.status} />
          <span className="text-sm font-semibold tabular-nums">{money(booking.price)}</span>
        </span>
      </div>
      {(payment !== null || holds) && (
        <div className="mt-3 flex flex-wrap gap-2">
          {payment !== null && <Verify payment={payment} />}
          {holds && (
            <Confirm
              trigger="Decline"
              name={`Decline the booking of ${booking.driver_name}, slot ${String(booking.slot_number)}`}
              title={`Decline the booking of ${booking.driver_name}?`}
              yes="Yes, decline it"
              busy={decline.isPending}
              onYes={() => { decline.mutate(); }}
            >
              The driver is told, and what was paid is refunded. This cannot be undone.
            </Confirm>
          )}
          <Problem error={decline.error} />
        </div>
      )}
    </li>
  );
}
