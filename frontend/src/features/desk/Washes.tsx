/** The car washes that were ordered, and who does them. */
import { useQuery } from "@tanstack/react-query";
import { Droplets } from "lucide-react";
import { Link, useSearchParams } from "react-router";
import { answer, server, type Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Confirm } from "@/ui/Confirm";
import { Button, buttonClass, Choice, Select } from "@/ui/controls";
import { Asked, Empty, Problem } from "@/ui/layout";
import { Status } from "@/ui/status";
import { Verify } from "./CashButton";
import { useDeed } from "./useDeed";

type Wash = Schemas["WashSummary"];

const SHOWN = [
  { value: "", label: "All" },
  { value: "REQUESTED", label: "Requested" },
  { value: "IN_PROGRESS", label: "In progress" },
  { value: "COMPLETED", label: "Completed" },
] as const;

export function Washes() {
  const [search, setSearch] = useSearchParams();
  const status = SHOWN.find(({ value }) => value === search.get("status"))?.value ?? "";
  return (
    <div className="grid gap-4">
      <Choice label="Show" value={status} options={SHOWN} onChange={(value) => { setSearch(value ? { status: value } : {}, { replace: true }); }} />
      <Asked query={useQuery(ask.washes(status ? { status } : {}))}>
        {({ results }) =>
          results.length ? (
            <ul className="grid gap-2 sm:grid-cols-2">
              {results.map((wash) => (
                <Row key={wash.id} wash={wash} />
              ))}
            </ul>
          ) : (
            <Empty icon={Droplets} title={status ? "None like that" : "No washes ordered"}>
              Drivers order them with a booking, at lots that offer some.
              <br />
              <Link to="/desk/lots" className={`${buttonClass()} mt-4`}>Say what your lots offer</Link>
            </Empty>
          )
        }
      </Asked>
    </div>
  );
}

function Row({ wash }: { wash: Wash }) {
  const now = useServerTime();
  const { data: cash } = useQuery(ask.cashToVerify);
  const payment = cash?.results.find(({ car_wash }) => car_wash === wash.id);
  return (
    <li className="grid content-start gap-3 rounded-2xl border border-line bg-card p-4">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <p className="font-semibold">{wash.type_name}</p>
          <p className="text-sm text-soft">
            {wash.driver_name} · {moment(wash.created_at, now)}
            {wash.booking !== null && (
              <>
                {" · "}
                <Link to={`/bookings/${String(wash.booking)}`} className="text-accent underline underline-offset-2">booking</Link>
              </>
            )}
          </p>
        </div>
        <span className="grid shrink-0 justify-items-end gap-1">
          <Status of={wash.status} />
          <span className="text-sm font-semibold tabular-nums">{money(wash.price)}</span>
        </span>
      </div>
      {wash.status === "REQUESTED" || wash.status === "IN_PROGRESS" ? <Work wash={wash} /> : <Done wash={wash} now={now} />}
      {payment && <div><Verify payment={payment} /></div>}
    </li>
  );
}

function Done({ wash, now }: { wash: Wash; now: number }) {
  if (!wash.employee_name && !wash.completed_at) return null;
  const by = wash.employee_name ? `By ${wash.employee_name}` : "Done";
  return <p className="text-sm text-soft">{wash.completed_at ? `${by}, ${moment(wash.completed_at, now)}` : by}</p>;
}

function Work({ wash }: { wash: Wash }) {
  const { data: staff } = useQuery(ask.employees);
  const at = { params: { path: { id: wash.id } } };
  const start = useDeed(() => answer(server.POST("/api/carwashes/{id}/start/", at)));
  const complete = useDeed(() => answer(server.POST("/api/carwashes/{id}/complete/", at)));
  const cancel = useDeed(() => answer(server.POST("/api/carwashes/{id}/cancel/", at)));
  const assign = useDeed((employee: number) => answer(server.POST("/api/carwashes/{id}/assign/", { ...at, body: { employee } })));
  return (
    <>
      <Select label="Done by" value={wash.employee ?? ""} disabled={assign.isPending} onChange={(event) => { if (event.target.value) assign.mutate(Number(event.target.value)); }}>
        <option value="" disabled>nobody yet</option>
        {staff?.results.filter(({ is_active, id }) => is_active || id === wash.employee).map(({ id, name }) => (
          <option key={id} value={id}>{name}</option>
        ))}
      </Select>
      <div className="flex flex-wrap gap-2">
        {wash.status === "REQUESTED" ? (
          <>
            <Button tone="main" aria-label={`Start the wash of ${wash.driver_name}`} busy={start.isPending} onClick={() => { start.mutate(); }}>Start</Button>
            <Confirm trigger="Cancel" name={`Cancel the wash of ${wash.driver_name}`} title={`Cancel the wash of ${wash.driver_name}?`} yes="Yes, cancel it" busy={cancel.isPending} onYes={() => { cancel.mutate(); }}>
              What was paid is refunded. This cannot be undone.
            </Confirm>
          </>
        ) : (
          <Confirm trigger="Complete" name={`Complete the wash of ${wash.driver_name}`} tone="main" title="Is the wash done?" yes="Yes, it is done" no="Not yet" busy={complete.isPending} onYes={() => { complete.mutate(); }}>
            {wash.driver_name} is told at once. This cannot be undone.
          </Confirm>
        )}
      </div>
      <Problem error={start.error ?? complete.error ?? cancel.error ?? assign.error} />
    </>
  );
}
