/** Who works for the owner, and where. */
import { useQuery } from "@tanstack/react-query";
import { Pencil, Users } from "lucide-react";
import { type SyntheticEvent } from "react";
import { answer, server, type Schemas } from "@/lib/api";
import { useDraft } from "@/lib/draft";
import { moment } from "@/lib/format";
import { useServerTime } from "@/lib/live";
import * as ask from "@/lib/queries";
import { Button, Field, Select, Switch } from "@/ui/controls";
import { Foldable } from "@/ui/Foldable";
import { Asked, Badge, Card, CardTitle, Empty, Problem } from "@/ui/layout";
import { errorsOf, useDeed } from "./useDeed";

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
  const { data: assigned } = useQuery(ask.assignments);
  const last = assigned?.results.find((assignment) => assignment.employee === employee.id);
  const change = useDeed((is_active: boolean) =>
    answer(server.PATCH("/api/employees/{id}/", { params: { path: { id: employee.id } }, body: { is_active } })),
  );
  const assign = useDeed((lot: number) => answer(server.POST("/api/employee-assignments/", { body: { employee: employee.id, lot } })));
  return (
    <li className="grid gap-3 rounded-2xl border border-line bg-card p-4">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-1">
        <div className="min-w-0 flex-1 basis-40">
          <p className="font-semibold">{employee.name} {!employee.is_active && <Badge>not at work</Badge>}</p>
          <p className="text-sm text-soft">
            {last ? `${last.lot_name}. ` : ""}
            {employee.washes_open} washes open, {employee.washes_done} done
          </p>
        </div>
        <Switch label="At work" name={`${employee.name} is at work`} checked={employee.is_active} disabled={change.isPending} onChange={(is_active) => { change.mutate(is_active); }} />
      </div>
      <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
        {lots && lots.results.length > 0 && (
          <Select label="Put on a lot" className="min-w-0 flex-1 basis-40" value="" disabled={assign.isPending} onChange={(event) => { assign.mutate(Number(event.target.value)); }}>
            <option value="" disabled>which …</option>
            {lots.results.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
          </Select>
        )}
        <Foldable name={`Rename ${employee.name}`} trigger={<><Pencil aria-hidden className="size-4" /> Rename</>}>
          {(close) => <Rename employee={employee} close={close} />}
        </Foldable>
      </div>
      <Problem error={change.error ?? assign.error} />
    </li>
  );
}

function Rename({ employee, close }: { employee: Employee; close: () => void }) {
  const { form, set, forget } = useDraft(`rename ${String(employee.id)}`, { name: employee.name });
  const rename = useDeed(
    () => answer(server.PATCH("/api/employees/{id}/", { params: { path: { id: employee.id } }, body: form })),
    () => {
      forget();
      close();
    },
  );
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    rename.mutate();
  };
  return (
    <form onSubmit={submit} className="grid gap-3">
      <Field label="New name" required maxLength={100} value={form.name} errors={errorsOf(rename.error)["name"]} onChange={(event) => { set({ name: event.target.value }); }} />
      <Problem error={rename.error} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" tone="main" busy={rename.isPending}>Save</Button>
        <Button onClick={() => { forget(); close(); }}>Not now</Button>
      </div>
    </form>
  );
}

function Hire() {
  const { form, set, forget } = useDraft("hire", { name: "" });
  const hire = useDeed(() => answer(server.POST("/api/employees/", { body: form })), forget);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    hire.mutate();
  };
  return (
    <Card>
      <CardTitle>Somebody new</CardTitle>
      <form onSubmit={submit} className="grid gap-4">
        <Field label="Name" required maxLength={100} autoComplete="off" value={form.name} errors={errorsOf(hire.error)["name"]} onChange={(event) => { set({ name: event.target.value }); }} />
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
      <ul className="grid gap-3 text-sm">
        {data.results.map(({ id, employee_name, lot_name, assigned_at }) => (
          <li key={id}>
            <span className="font-medium">{employee_name}</span>
            <span className="block text-soft">{lot_name}, {moment(assigned_at, now)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
