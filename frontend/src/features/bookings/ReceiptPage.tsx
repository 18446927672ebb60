/** What was paid for a booking, to keep or to print. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { ArrowLeft, Printer } from "lucide-react";
import { Link, useParams } from "react-router";
import type { Schemas } from "@/lib/api";
import { fullMoment, money } from "@/lib/format";
import * as ask from "@/lib/queries";
import { Button, buttonClass } from "@/ui/controls";
import { Asked, Card, Empty, Loading, Page } from "@/ui/layout";
import { PaymentStatus, PAYMENT_METHODS } from "@/ui/status";

type Payment = Schemas["PaymentSummary"];

export function ReceiptPage() {
  const id = Number(useParams()["id"]);
  const title = `Receipt for booking ${String(id)}`;
  return (
    <Page
      title={title}
      actions={
        <>
          <Link to={`/bookings/${String(id)}`} className={buttonClass()}>
            <ArrowLeft aria-hidden className="size-4" />
            Booking
          </Link>
          <Button tone="main" onClick={() => { window.print(); }}>
            <Printer aria-hidden className="size-4" />
            Print
          </Button>
        </>
      }
    >
      <Asked query={useQuery(ask.booking(id))} loading={<Loading rows={1} className="h-96" />}>
        {(booking) => <Receipt booking={booking} />}
      </Asked>
    </Page>
  );
}

function Receipt({ booking }: { booking: Schemas["BookingSummary"] }) {
  const lot = useQuery(ask.lot(booking.lot));
  const parking = useQuery(ask.paymentsOf({ booking: booking.id }));
  const washes = useQuery(ask.washes({ booking: booking.id }));
  const washed = useQueries({ queries: (washes.data?.results ?? []).map(({ id }) => ask.paymentsOf({ car_wash: id })) });
  const lines = [
    ...(parking.data?.results ?? []).map((payment) => ({ payment, words: "Parking" })),
    ...washed.flatMap(({ data }, index) => (data?.results ?? []).map((payment) => ({ payment, words: washes.data?.results[index]?.type_name ?? "Car wash" }))),
  ].filter(({ payment }) => payment.status === "PAID" || payment.status === "VERIFIED");
  return (
    <Asked query={parking} loading={<Loading rows={1} className="h-96" />}>
      {() =>
        lines.length ? (
          <Card className="mx-auto max-w-2xl print:max-w-none print:border-0">
            <dl className="mb-6 grid grid-cols-[5rem_1fr] gap-x-4 gap-y-2.5 text-sm sm:grid-cols-[8rem_1fr]">
              <Fact name="Lot">
                {booking.lot_name}
                {lot.data && <span className="block text-soft">{lot.data.address}</span>}
              </Fact>
              <Fact name="Slot">{booking.slot_number}</Fact>
              <Fact name="From">{fullMoment(booking.starts_at)}</Fact>
              <Fact name="To">{fullMoment(booking.ends_at)}</Fact>
              <Fact name="Vehicle">{booking.vehicle_number}</Fact>
              <Fact name="Driver">{booking.driver_name}</Fact>
            </dl>
            <Lines lines={lines} />
            <p className="mt-6 text-xs text-soft">Issued by ParkMate for the lot’s owner. Times are in {Intl.DateTimeFormat().resolvedOptions().timeZone}.</p>
          </Card>
        ) : (
          <Empty icon={Printer} title="Nothing has been paid yet">A receipt is here as soon as the money came.</Empty>
        )
      }
    </Asked>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="font-medium">{children}</dd>
    </>
  );
}

function Lines({ lines }: { lines: { payment: Payment; words: string }[] }) {
  const paid = sum(lines.map(({ payment }) => payment));
  const back = sum(lines.filter(({ payment }) => payment.refunded_at).map(({ payment }) => payment));
  return (
    <table className="w-full text-sm">
      <caption className="sr-only">What was paid</caption>
      <thead>
        <tr className="border-b border-line text-left text-soft">
          <th scope="col" className="py-2 font-normal">For</th>
          <th scope="col" className="py-2 text-right font-normal">Amount</th>
        </tr>
      </thead>
      <tbody>
        {lines.map(({ payment, words }) => (
          <tr key={payment.id} className="border-b border-line align-top">
            <td className="py-2.5 pr-4">
              {words} <PaymentStatus of={payment} />
              <span className="block text-xs text-soft">
                {PAYMENT_METHODS[payment.method]}, {fullMoment(payment.verified_at ?? payment.created_at)}
                {payment.reference && `, ${payment.reference}`}
              </span>
            </td>
            <td className="py-2.5 text-right whitespace-nowrap tabular-nums">{money(payment.amount)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        {back > 0 && <Total name="Refunded" amount={-back / 100} />}
        <Total name="Paid" amount={(paid - back) / 100} strong />
      </tfoot>
    </table>
  );
}

function Total({ name, amount, strong = false }: { name: string; amount: number; strong?: boolean }) {
  return (
    <tr className={strong ? "text-base font-bold" : ""}>
      <th scope="row" className="py-2 text-left">{name}</th>
      <td className="py-2 text-right whitespace-nowrap tabular-nums">{money(amount)}</td>
    </tr>
  );
}

/** In hundredths, so that none is lost. */
const sum = (payments: Payment[]) => payments.reduce((total, { amount }) => total + Math.round(Number(amount) * 100), 0);
