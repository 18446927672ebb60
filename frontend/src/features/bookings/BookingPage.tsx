/** One booking: how long it still runs, what happens next, and what may be done. */
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import type { Schemas } from "@/lib/api";
import { money, period } from "@/lib/format";
import { useFollow, useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { buttonClass } from "@/ui/controls";
import { Asked, Card, CardTitle, Loading, Page, Problem } from "@/ui/layout";
import { Status } from "@/ui/status";
import { Actions } from "./Actions";
import { Countdown } from "./Countdown";
import { Payments } from "./Payments";
import { Next, Timeline } from "./Timeline";
import { Washes } from "./Washes";

export function BookingPage({ user }: { user: Schemas["Account"] }) {
  const id = Number(useParams()["id"]);
  const query = useQuery(ask.booking(id));
  useFollow(query.data && query.data.driver !== user.id ? ["desk"] : []);
  if (query.error && !query.data) {
    return (
      <Page title="Booking">
        <Problem error={query.error} retry={() => void query.refetch()}>
          <Link to="/bookings" className={buttonClass("quiet")}>All bookings</Link>
        </Problem>
      </Page>
    );
  }
  return (
    <Asked query={query} loading={<Page title="Booking"><Loading className="h-48" /></Page>}>
      {/* Another booking is another page: nothing that was typed or asked goes over to it. */}
      {(booking) => <Booking key={booking.id} booking={booking} own={booking.driver === user.id} />}
    </Asked>
  );
}

function Booking({ booking, own }: { booking: Schemas["BookingSummary"]; own: boolean }) {
  const now = useServerTime();
  return (
    <Page
      title={`${booking.lot_name}, slot ${String(booking.slot_number)}`}
      lead={
        <>
          {booking.vehicle_number} · {period(booking.starts_at, booking.ends_at, now)}
          {!own && ` · ${booking.driver_name}`}
        </>
      }
      actions={<Status of={booking.status} />}
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="grid gap-4">
          <Card>
            <Countdown booking={booking} own={own} />
            <Next booking={booking} />
          </Card>
          <Actions booking={booking} own={own} />
        </div>
        <div className="grid gap-4">
          <Card>
            <CardTitle aside={<span className="text-lg font-bold tabular-nums">{money(booking.price)}</span>}>Price</CardTitle>
            <Payments booking={booking} own={own} />
          </Card>
          <Washes booking={booking} own={own} />
          <Card>
            <CardTitle>Timeline</CardTitle>
            <Timeline booking={booking.id} />
            {booking.renewed_from !== null && (
              <Link to={`/bookings/${String(booking.renewed_from)}`} className={`${buttonClass("quiet")} mt-3 -ml-4`}>
                The booking that this one renewed
              </Link>
            )}
          </Card>
        </div>
      </div>
    </Page>
  );
}
