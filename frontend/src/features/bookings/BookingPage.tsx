/** One booking: how long it still runs, what happens next, and what may be done. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import type { Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useFollow, useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Asked, Card, CardTitle, Loading, Page } from "@/ui/layout";
import { Status } from "@/ui/status";
import { Actions } from "./Actions";
import { Countdown } from "./Countdown";
import { Payments, Washes } from "./Extras";
import { Next, Timeline } from "./Timeline";

export function BookingPage({ user }: { user: Schemas["Account"] }) {
  const id = Number(useParams()["id"]);
  const query = useQuery(ask.booking(id));
  useFollow(query.data && query.data.driver !== user.id ? ["desk"] : []);
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
      lead={`${booking.vehicle_number} · ${moment(booking.starts_at, now)} – ${moment(booking.ends_at, now)}`}
      actions={<Status of={booking.status} />}
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="grid gap-4">
          <Card>
            <Countdown booking={booking} />
            <Next booking={booking.id} />
          </Card>
          <Actions booking={booking} own={own} />
        </div>
        <div className="grid gap-4">
          <Card>
            <CardTitle aside={<span className="text-lg font-bold">{money(booking.price)}</span>}>Price</CardTitle>
            <Payments booking={booking.id} />
          </Card>
          <Washes booking={booking} own={own} />
          <Card>
            <CardTitle>Timeline</CardTitle>
            <Timeline booking={booking.id} />
          </Card>
        </div>
      </div>
    </Page>
  );
}
