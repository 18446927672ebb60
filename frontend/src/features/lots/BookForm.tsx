/** How long, which vehicle, how to pay; the price before paying. */
import { MousePointerClick } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { useNavigate } from "react-router";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import { estimate, moment, money } from "@/lib/format";
import { serverNow, useServerTime } from "@/lib/live";
import { useWish } from "@/lib/wish";
import { Button, Choice, Field } from "@/ui/controls";
import { Length } from "@/ui/Length";
import { Card, CardTitle, Empty, Problem } from "@/ui/layout";
import { FIRST_PAYMENT, Payment } from "@/ui/Payment";

const MINUTE = 60_000;
const VEHICLE = "parkmate.vehicle";

export function BookForm({ slot }: { slot: Schemas["SlotWithFreedom"] | null }) {
  const navigate = useNavigate();
  const now = useServerTime();
  const [minutes, setMinutes] = useState(60);
  const [later, setLater] = useState("");
  const [isLater, setIsLater] = useState(false);
  const [vehicle, setVehicle] = useState(() => localStorage.getItem(VEHICLE) ?? "");
  const [payment, setPayment] = useState(FIRST_PAYMENT);
  const form = { slot: slot?.id ?? 0, minutes, later: isLater ? later : null, vehicle, payment };
  const book = useWish(compose, send, (booking) => {
    localStorage.setItem(VEHICLE, vehicle);
    void navigate(`/bookings/${String(booking.id)}`);
  });
  if (!slot) return <Empty icon={MousePointerClick} title="Choose a slot">Then say how long, and see the price before you pay.</Empty>;
  const errors = book.error instanceof Refusal ? book.error.fields : {};
  const startsAt = isLater && later ? Date.parse(later) : now;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!book.isPending) book.mutate(form);
  };
  return (
    <Card>
      <CardTitle>Book slot {slot.number}</CardTitle>
      <form onSubmit={submit} className="grid gap-5">
        <Choice
          label="From"
          value={isLater ? "later" : "now"}
          options={[{ value: "now", label: "Now" }, { value: "later", label: "Later" }]}
          onChange={(from) => { setIsLater(from === "later"); }}
        />
        {isLater && (
          <Field label="Starts at" type="datetime-local" required value={later} errors={errors["starts_at"]} onChange={(event) => { setLater(event.target.value); }} />
        )}
        <Length minutes={minutes} onChange={setMinutes} errors={errors["ends_at"]} />
        <Field
          label="Vehicle number"
          name="vehicle_number"
          autoCapitalize="characters"
          required
          maxLength={20}
          placeholder="KA 01 AB 1234"
          value={vehicle}
          errors={errors["vehicle_number"]}
          onChange={(event) => { setVehicle(event.target.value); }}
        />
        <Payment value={payment} onChange={setPayment} />
        <div className="flex items-end justify-between gap-4 border-t border-line pt-4">
          <p className="text-sm text-soft">
            Until {moment(startsAt + minutes * MINUTE, now)}
            <br />
            {money(slot.hourly_rate)} an hour, per started minute
          </p>
          <p className="text-2xl font-bold" data-testid="estimate">{money(estimate(slot.hourly_rate, minutes * MINUTE))}</p>
        </div>
        <Taken error={book.error} now={now} />
        <Button type="submit" tone="main" busy={book.isPending}>
          {payment.payment_method === "cash" ? "Book, pay at the lot" : "Book and pay"}
        </Button>
      </form>
    </Card>
  );
}

interface Form {
  slot: number;
  minutes: number;
  later: string | null;
  vehicle: string;
  payment: typeof FIRST_PAYMENT;
}

function compose({ slot, minutes, later, vehicle, payment }: Form): Schemas["NewBooking"] {
  const startsAt = later ? Date.parse(later) : null;
  return {
    slot,
    vehicle_number: vehicle,
    starts_at: startsAt === null ? null : new Date(startsAt).toISOString(),
    ends_at: new Date((startsAt ?? serverNow()) + minutes * MINUTE).toISOString(),
    ...payment,
  };
}

function send(body: Schemas["NewBooking"], key: string) {
  return answer(server.POST("/api/bookings/", { body, params: { header: { "Idempotency-Key": key } } }));
}

/** Somebody was first: says when the slot is free again. */
function Taken({ error, now }: { error: Error | null; now: number }) {
  const free = error instanceof Refusal ? error.facts["next_free_at"] : null;
  if (!error || typeof free !== "string") return <Problem error={error} />;
  return <Problem error={new Error(`${error.message} It is free for as long from ${moment(free, now)}.`)} />;
}
