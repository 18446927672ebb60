/** The washes that came with a booking, and how to order one. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent } from "react";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { money } from "@/lib/format";
import * as ask from "@/lib/queries";
import { useWish } from "@/lib/wish";
import { Confirm } from "@/ui/Confirm";
import { Button, Choice } from "@/ui/controls";
import { Foldable } from "@/ui/Foldable";
import { Card, CardTitle, Problem } from "@/ui/layout";
import { FIRST_PAYMENT, Payment } from "@/ui/Payment";
import { PaymentStatus, Status } from "@/ui/status";

type Wash = Schemas["WashSummary"];

interface WashesProps {
  booking: Schemas["BookingSummary"];
  own: boolean;
}

export function Washes({ booking, own }: WashesProps) {
  const { data: ordered } = useQuery(ask.washes({ booking: booking.id }));
  const { data: types } = useQuery(ask.washTypes(booking.lot));
  const offered = types?.filter(({ is_offered }) => is_offered) ?? [];
  const orderable = own && offered.length > 0 && (booking.status === "BOOKED" || booking.status === "PENDING");
  if (!orderable && !ordered?.results.length) return null;
  return (
    <Card>
      <CardTitle>Car wash</CardTitle>
      {ordered && ordered.results.length > 0 && (
        <ul className="mb-3 grid gap-4">
          {ordered.results.map((wash) => (
            <Ordered key={wash.id} wash={wash} own={own} />
          ))}
        </ul>
      )}
      {orderable && (
        <Foldable name="Order a wash" trigger="Order a wash">
          {(close) => <Order booking={booking.id} offered={offered} close={close} />}
        </Foldable>
      )}
    </Card>
  );
}

function Ordered({ wash, own }: { wash: Wash; own: boolean }) {
  const queries = useQueryClient();
  const { data: payments } = useQuery(ask.paymentsOf({ car_wash: wash.id }));
  const cancel = useMutation({
    mutationFn: () => answer(server.POST("/api/carwashes/{id}/cancel/", { params: { path: { id: wash.id } } })),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <li className="grid gap-2 text-sm">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-0 flex-1 basis-32">
          {wash.type_name}
          {wash.employee_name && <span className="text-soft">, by {wash.employee_name}</span>}
        </span>
        <span className="font-semibold tabular-nums">{money(wash.price)}</span>
        {payments?.results.map((payment) => <PaymentStatus key={payment.id} of={payment} />)}
        <Status of={wash.status} />
      </div>
      {own && wash.status === "REQUESTED" && (
        <div>
          <Confirm trigger="Cancel wash" name={`Cancel wash ${wash.type_name}`} title={`Cancel the wash “${wash.type_name}”?`} yes="Yes, cancel it" busy={cancel.isPending} onYes={() => { cancel.mutate(); }}>
            What was paid is refunded. This cannot be undone.
          </Confirm>
        </div>
      )}
      <Problem error={cancel.error} />
    </li>
  );
}

interface OrderProps {
  booking: number;
  offered: Schemas["WashTypeSummary"][];
  close: () => void;
}

function Order({ booking, offered, close }: OrderProps) {
  const { form, set, forget } = useDraft(`wash ${String(booking)}`, { type: offered[0]?.id ?? 0, payment: FIRST_PAYMENT });
  const order = useWish(
    ({ type, payment }: typeof form) => ({ wash_type: type, booking, ...payment }),
    (body, key) => answer(server.POST("/api/carwashes/", { body, params: { header: { "Idempotency-Key": key } } })),
    () => {
      forget();
      close();
    },
  );
  const errors = order.error instanceof Refusal ? order.error.fields : {};
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!order.isPending) order.mutate(form);
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Choice label="Which" value={form.type} options={offered.map(({ id, name, price }) => ({ value: id, label: `${name}, ${money(price)}` }))} onChange={(type) => { set({ type }); }} />
      <Payment value={form.payment} onChange={(payment) => { set({ payment }); }} errors={errors["payment_token"]} />
      <Problem error={order.error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" tone="main" busy={order.isPending}>Order and pay</Button>
        <Button onClick={close}>Not now</Button>
      </div>
    </form>
  );
}
