/** The day at a glance. */
import { useQuery } from "@tanstack/react-query";
import { MapPin } from "lucide-react";
import { Link } from "react-router";
import type { Schemas } from "@/lib/api";
import { money, moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { buttonClass } from "@/ui/controls";
import { Asked, Card, CardTitle, Empty, Loading } from "@/ui/layout";
import { HandBack, Verify } from "./CashButton";
import { Chart } from "./Chart";

type Day = Schemas["Today"];

const SOON = 6;

export function Today() {
  return (
    <Asked query={useQuery(ask.today)} loading={<Waiting />}>
      {(day) =>
        day.lots.length ? (
          <div className="grid gap-4">
            <Figures day={day} />
            <div className="grid items-start gap-4 lg:grid-cols-2">
              <Chart lots={day.lots} />
              <div className="grid gap-4">
                <Cash />
                {day.cash_to_hand_back > 0 && <ToHandBack />}
                {day.arriving_today > 0 && <Arriving until={day.ends_at} count={day.arriving_today} />}
              </div>
            </div>
          </div>
        ) : (
          <Empty icon={MapPin} title="You have no lot yet">
            Add it with its slots and rates; then drivers find it at once.
            <br />
            <Link to="/desk/lots" className={`${buttonClass("main")} mt-4`}>
              Add your first lot
            </Link>
          </Empty>
        )
      }
    </Asked>
  );
}

function Waiting() {
  return (
    <div className="grid gap-4">
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-4 [&>*]:contents"><Loading rows={4} className="h-24" /></div>
      <Loading rows={2} className="h-48" />
    </div>
  );
}

function Figures({ day }: { day: Day }) {
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Figure name="Occupied now" value={String(day.occupied_now)} note={`of ${String(day.slot_count)} slots`} />
      <Figure name="Arriving today" value={String(day.arriving_today)} note={day.arriving_today ? "still to come" : "nobody more so far"} />
      <Figure name="Income today" value={money(day.income_today)} note="paid or verified" />
      <Figure name="Cash to verify" value={money(day.cash_to_verify_amount)} note={day.cash_to_verify === 1 ? "1 payment" : `${String(day.cash_to_verify)} payments`} />
    </dl>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div className="rounded-2xl border border-line bg-card p-4">
      <dt className="text-sm text-soft">{name}</dt>
      <dd className="mt-1 text-xl font-bold tracking-tight tabular-nums sm:text-2xl">{value}</dd>
      <dd className="text-sm text-soft">{note}</dd>
    </div>
  );
}

function Cash() {
  const now = useServerTime();
  return (
    <Card>
      <CardTitle>Cash to verify</CardTitle>
      <Asked query={useQuery(ask.cashToVerify)}>
        {({ results, count }) =>
          results.length ? (
            <>
              <ul className="grid gap-3">
                {results.slice(0, SOON).map((payment) => (
                  <Line key={payment.id} name={payment.driver_name} note={moment(payment.created_at, now)} amount={payment.amount}>
                    <Verify payment={payment} brief />
                  </Line>
                ))}
              </ul>
              {count > SOON && <More to="/desk/bookings?status=PENDING" words={`All ${String(count)}`} />}
            </>
          ) : (
            <p className="text-sm text-soft">No cash is outstanding. Bookings paid in cash appear here by themselves.</p>
          )
        }
      </Asked>
    </Card>
  );
}

function ToHandBack() {
  const now = useServerTime();
  const { data } = useQuery(ask.cashTaken);
  const due = data?.results.filter(({ refund_due_at, refunded_at }) => refund_due_at && !refunded_at) ?? [];
  if (!due.length) return null;
  return (
    <Card>
      <CardTitle>Cash to hand back</CardTitle>
      <ul className="grid gap-3">
        {due.map((payment) => (
          <Line key={payment.id} name={payment.driver_name} note={payment.refund_due_at ? `since ${moment(payment.refund_due_at, now)}` : ""} amount={payment.amount}>
            <HandBack payment={payment} />
          </Line>
        ))}
      </ul>
    </Card>
  );
}

interface LineProps {
  name: string;
  note: string;
  amount: string;
  children: React.ReactNode;
}

function Line({ name, note, amount, children }: LineProps) {
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 text-sm">
      <span className="min-w-0 flex-1 basis-28">
        <span className="block font-medium">{name}</span>
        <span className="text-soft">{note}</span>
      </span>
      <span className="font-semibold tabular-nums">{money(amount)}</span>
      {children}
    </li>
  );
}

function Arriving({ until, count }: { until: string; count: number }) {
  const now = useServerTime();
  const { data } = useQuery(ask.comingBookings(new Date(now).toISOString(), until));
  const coming = (data?.results ?? [])
    .filter(({ status, starts_at }) => (status === "BOOKED" || status === "PENDING") && Date.parse(starts_at) > now)
    .sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at));
  if (!coming.length) return null;
  return (
    <Card>
      <CardTitle>Arriving next</CardTitle>
      <ul className="grid gap-3 text-sm">
        {coming.slice(0, SOON).map((booking) => (
          <li key={booking.id}>
            <Link to={`/bookings/${String(booking.id)}`} className="flex items-baseline gap-3 hover:underline">
              <span className="min-w-18 font-semibold tabular-nums">{moment(booking.starts_at, now)}</span>
              <span className="min-w-0 flex-1">
                {booking.vehicle_number} <span className="text-soft">{booking.lot_name}, slot {booking.slot_number}</span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {count > SOON && <More to="/desk/bookings?status=BOOKED" words={`All ${String(count)}`} />}
    </Card>
  );
}

function More({ to, words }: { to: string; words: string }) {
  return <Link to={to} className={`${buttonClass("quiet")} mt-2 -mb-2 -ml-4`}>{words}</Link>;
}
