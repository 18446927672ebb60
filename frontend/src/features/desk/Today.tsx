/** The day at a glance. */
import { useQuery } from "@tanstack/react-query";
import { MapPin } from "lucide-react";
import { Link } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import { money, moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, buttonClass } from "@/ui/controls";
import { Asked, Card, CardTitle, Empty, Problem } from "@/ui/layout";
import { useDeed } from "./useDeed";

type Day = Schemas["Today"];

export function Today() {
  return (
    <Asked query={useQuery(ask.today)}>
      {(day) =>
        day.lots.length ? (
          <div className="grid gap-4">
            <Figures day={day} />
            <div className="grid items-start gap-4 lg:grid-cols-2">
              <Occupancy lots={day.lots} />
              <Cash />
            </div>
          </div>
        ) : (
          <Empty icon={MapPin} title="You have no lot yet">
            <Link to="/desk/lots" className={`${buttonClass("main")} mt-2`}>
              Add your first lot
            </Link>
          </Empty>
        )
      }
    </Asked>
  );
}

function Figures({ day }: { day: Day }) {
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Figure name="Occupied now" value={`${String(day.occupied_now)} of ${String(day.slot_count)}`} />
      <Figure name="Arriving today" value={String(day.arriving_today)} />
      <Figure name="Income today" value={money(day.income_today)} />
      <Figure name="Cash to verify" value={money(day.cash_to_verify_amount)} note={`${String(day.cash_to_verify)} payments`} />
    </dl>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note?: string }) {
  return (
    <div className="rounded-2xl border border-line bg-card p-4">
      <dt className="text-sm text-soft">{name}</dt>
      <dd className="mt-1 text-xl font-bold tracking-tight break-words tabular-nums sm:text-2xl">{value}</dd>
      {note && <dd className="text-sm text-soft">{note}</dd>}
    </div>
  );
}

/** How full each lot is, as bars: by their length, and in numbers. */
function Occupancy({ lots }: { lots: Day["lots"] }) {
  return (
    <Card>
      <CardTitle>Lots now</CardTitle>
      <ul className="grid gap-4">
        {lots.map((lot) => (
          <li key={lot.id}>
            <div className="flex items-baseline justify-between gap-3 text-sm">
              <Link to={`/lots/${String(lot.id)}`} className="min-w-0 truncate font-medium hover:underline">
                {lot.name}
              </Link>
              <span className="whitespace-nowrap text-soft">
                {lot.occupied_now} of {lot.slot_count} · {money(lot.income_today)}
              </span>
            </div>
            <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden className="mt-1.5 h-2.5 w-full rounded-full bg-sunken">
              <rect width={lot.slot_count ? (100 * lot.occupied_now) / lot.slot_count : 0} height="3" className="fill-accent" />
            </svg>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Cash() {
  const now = useServerTime();
  const verify = useDeed((id: number) => answer(server.POST("/api/owner/payments/{id}/verify/", { params: { path: { id } } })));
  return (
    <Card>
      <CardTitle>Cash to verify</CardTitle>
      <Problem error={verify.error} />
      <Asked query={useQuery(ask.cashToVerify)}>
        {({ results }) =>
          results.length ? (
            <ul className="grid gap-3">
              {results.map((payment) => (
                <li key={payment.id} className="flex items-center gap-3 text-sm">
                  <span className="min-w-0 flex-1">
                    <span className="block font-medium break-words">{payment.driver_name}</span>
                    <span className="text-soft">{moment(payment.created_at, now)}</span>
                  </span>
                  <span className="font-semibold">{money(payment.amount)}</span>
                  <Button tone="main" busy={verify.isPending && verify.variables === payment.id} onClick={() => { verify.mutate(payment.id); }}>
                    Verify
                  </Button>
                </li>
              ))}
            </ul>
          ) : (
            <p className="text-sm text-soft">No cash is outstanding. Bookings paid in cash appear here by themselves.</p>
          )
        }
      </Asked>
    </Card>
  );
}
