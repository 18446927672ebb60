/** Without an answer from the server: the driver's booking as this device last heard of it, and since when. */
import { countdown, moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import { current, recall, type KnownBooking } from "@/lib/memory";
import { Card } from "@/ui/layout";
import { Ring } from "@/ui/Ring";

export function LastKnown() {
  const now = useServerTime();
  const known = recall();
  const booking = known && current(known, now);
  return (
    <section aria-label="Last known" className="mx-auto w-full max-w-5xl px-4 pt-6 sm:px-6">
      <Card className="grid justify-items-center gap-4 text-center">
        {booking && <Known booking={booking} now={now} />}
        <p role="status" className="text-sm font-semibold text-warn">
          {booking && `Last known at ${moment(booking.known_at, now)}; `}
          {!booking && known?.person.role === "driver" && "No booking of yours is known here; "}
          ParkMate cannot be reached.
        </p>
      </Card>
    </section>
  );
}

function Known({ booking, now }: { booking: KnownBooking; now: number }) {
  const [start, end] = [Date.parse(booking.starts_at), Date.parse(booking.ends_at)];
  const begun = start <= now;
  const big = countdown((begun ? end : start) - now);
  // It only draws: whether the booking was extended or has ended, only the server knows.
  const words = !begun ? `until it starts, ${moment(start, now)}` : now < end ? `until ${moment(end, now)}` : `should have ended ${moment(end, now)}`;
  return (
    <>
      <p className="font-semibold break-words">
        {booking.lot_name}, slot {booking.slot_number}
      </p>
      <div className="w-56">
        <Ring left={begun ? (end - now) / (end - start) : 1} tone="calm" label={`Last known: ${big} ${words}`}>
          <span className={`font-bold tracking-tight tabular-nums ${big.length > 6 ? "text-3xl" : "text-5xl"}`}>{big}</span>
          <span className="mt-2 text-sm text-soft">{words}</span>
        </Ring>
      </div>
    </>
  );
}
