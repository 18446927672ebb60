/** Who works for the owner, and where. */
import { useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { useState, type SyntheticEvent } from "react";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import { moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, Field, Select, Switch } from "@/ui/controls";
import { Asked, Card, CardTitle, Empty, Problem } from "@/ui/layout";
import { useDeed } from "./useDeed";

type Employee = Schemas["EmployeeSummary"];

export function People() {
  const query = useQuery(ask.employees);
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[1fr_20rem]">
      <Asked query={query}>
        {({ results }) =>
          results.length ? (
            <ul className="grid gap-2">
              {results.map((employee) => <Row key={employee.id} employee={employee} />)}
            </ul>
          ) : (
            <Empty icon={Users} title="Nobody works for you yet">Add who washes cars or looks after a lot.</Empty>
          )
        }
      </Asked>
      <div className="grid gap-4">
        <Hire />
        <Assignments />
      </div>
    </div>
  );
}

function Row({ employee }: { employee: Employee }) {
  const { data: lots } = useQuery(ask.lots("", true));
  const change = useDeed((is_active: boolean) =>
    answer(server.PATCH("/api/employees/{id}/", { params: { path: { id: employee.id } }, body: { is_active } })),
  );
  const assign = useDeed((lot: number) => answer(server.POST("/api/employee-assignments/", { body: { employee: employee.id, lot } })));
  return (
    <li className="flex flex-wrap items-end gap-x-4 gap-y-2 rounded-2xl border border-line bg-card p-4">
      <span className="min-w-0 flex-1 basis-40">
        <span className="block font-semibold break-words">{employee.name}</span>
        <span className="block text-sm text-soft">{employee.washes_open} washes open, {employee.washes_done} done</span>
      </span>
      <Select label="Put on a lot" value="" onChange={(event) => { assign.mutate(Number(event.target.value)); }}>
        <option value="" disabled>which …</option>
        {lots?.results.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
      </Select>
      <Switch label="At work" checked={employee.is_active} disabled={change.isPending} onChange={(is_active) => { change.mutate(is_active); }} />
      <Problem error={change.error ?? assign.error} />
    </li>
  );
}

function Hire() {
  const [name, setName] = useState("");
  const hire = useDeed(() => answer(server.POST("/api/employees/", { body: { name } })), () => { setName(""); });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    hire.mutate(undefined);
  };
  return (
    <Card>
      <CardTitle>Somebody new</CardTitle>
      <form onSubmit={submit} className="grid gap-4">
        <Field label="Name" required maxLength={100} value={name} errors={hire.error instanceof Refusal ? hire.error.fields["name"] : []} onChange={(event) => { setName(event.target.value); }} />
        <Problem error={hire.error} />
        <Button type="submit" tone="main" busy={hire.isPending}>Add</Button>
      </form>
    </Card>
  );
}

function Assignments() {
  const now = useServerTime();
  const { data } = useQuery(ask.assignments);
  if (!data?.results.length) return null;
  return (
    <Card>
      <CardTitle>Put where, and when</CardTitle>
      <ul className="grid gap-2 text-sm">
        {data.results.map(({ id, employee_name, lot_name, assigned_at }) => (
          <li key={id} className="break-words">
            {employee_name}, {lot_name} <span className="text-soft">{moment(assigned_at, now)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
