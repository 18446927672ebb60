/** The car washes that were ordered, and who does them. */
import { useQuery } from "@tanstack/react-query";
import { Droplets } from "lucide-react";
import { answer, server, type Schemas } from "@/lib/api";
import { moment, money } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, Select } from "@/ui/controls";
import { Asked, Empty, Problem } from "@/ui/layout";
import { Status } from "@/ui/status";
import { useDeed } from "./useDeed";

type Wash = Schemas["WashSummary"];

export function Washes() {
  return (
    <Asked query={useQuery(ask.washes())}>
      {({ results }) =>
        results.length ? (
          <ul className="grid gap-2">
            {results.map((wash) => (
              <Row key={wash.id} wash={wash} />
            ))}
          </ul>
        ) : (
          <Empty icon={Droplets} title="No washes ordered">
            Drivers order them with a booking, at lots that offer some.
          </Empty>
        )
      }
    </Asked>
  );
}

const STEPS = {
  REQUESTED: ["/api/carwashes/{id}/start/", "Start"],
  IN_PROGRESS: ["/api/carwashes/{id}/complete/", "Complete"],
} as const;

function Row({ wash }: { wash: Wash }) {
  const now = useServerTime();
  const { data: staff } = useQuery(ask.employees);
  const step = wash.status === "REQUESTED" || wash.status === "IN_PROGRESS" ? STEPS[wash.status] : null;
  const move = useDeed((path: (typeof STEPS)[keyof typeof STEPS][0]) => answer(server.POST(path, { params: { path: { id: wash.id } } })));
  const assign = useDeed((employee: number) =>
    answer(server.POST("/api/carwashes/{id}/assign/", { params: { path: { id: wash.id } }, body: { employee } })),
  );
  return (
    <li className="flex flex-wrap items-end gap-x-4 gap-y-3 rounded-2xl border border-line bg-card p-4">
      <span className="min-w-0 flex-1 basis-52">
        <span className="block font-semibold break-words">{wash.type_name}, {money(wash.price)}</span>
        <span className="block text-sm break-words text-soft">{wash.driver_name} · {moment(wash.created_at, now)}</span>
        <span className="mt-1 block"><Status of={wash.status} /></span>
      </span>
      {step && (
        <>
          <Select label="By" value={wash.employee ?? ""} onChange={(event) => { if (event.target.value) assign.mutate(Number(event.target.value)); }}>
            <option value="">nobody yet</option>
            {staff?.results.filter(({ is_active, id }) => is_active || id === wash.employee).map(({ id, name }) => (
              <option key={id} value={id}>{name}</option>
            ))}
          </Select>
          <Button tone="main" busy={move.isPending} onClick={() => { move.mutate(step[0]); }}>
            {step[1]}
          </Button>
        </>
      )}
      <Problem error={move.error ?? assign.error} />
    </li>
  );
}
