/** Signing in, and making an account. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleParking } from "lucide-react";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import * as ask from "@/lib/queries";
import { Button, Choice, Field } from "@/ui/controls";
import { Card, Problem, useTitle } from "@/ui/layout";

export function SignInPage() {
  const [form, setForm] = useState({ username: "", password: "" });
  const enter = useEntrance(() => answer(server.POST("/api/auth/login/", { body: form })));
  return (
    <Door title="Sign in" other={<>New here? <Register /></>} enter={enter} button="Sign in">
      <Names form={form} setForm={setForm} errors={fieldsOf(enter.error)} password="current-password" />
    </Door>
  );
}

export function RegisterPage() {
  const [form, setForm] = useState({ username: "", password: "" });
  const [role, setRole] = useState<"driver" | "owner">("driver");
  const enter = useEntrance(() => answer(server.POST("/api/auth/register/", { body: { ...form, role } })));
  return (
    <Door title="Make an account" other={<>You have one? <SignIn /></>} enter={enter} button="Make the account">
      <Names form={form} setForm={setForm} errors={fieldsOf(enter.error)} password="new-password" />
      <Choice
        label="You …"
        value={role}
        options={[
          { value: "driver", label: "park" },
          { value: "owner", label: "own a lot" },
        ]}
        onChange={setRole}
      />
    </Door>
  );
}

const LINK = "font-semibold text-accent underline-offset-4 hover:underline";
const Register = () => <Link className={LINK} to="/register">Make an account</Link>;
const SignIn = () => <Link className={LINK} to="/sign-in">Sign in</Link>;

function useEntrance(enter: () => Promise<Schemas["Who"]>) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const from = (useLocation().state as { from?: string } | null)?.from ?? "/";
  return useMutation({
    mutationFn: enter,
    onSuccess: (who) => {
      // Nothing of whoever was here before.
      queries.clear();
      queries.setQueryData(ask.me.queryKey, who);
      void navigate(from, { replace: true });
    },
  });
}

const fieldsOf = (error: Error | null) => (error instanceof Refusal ? error.fields : {});

interface DoorProps {
  title: string;
  button: string;
  other: ReactNode;
  enter: { mutate: () => void; isPending: boolean; error: Error | null };
  children: ReactNode;
}

function Door({ title, button, other, enter, children }: DoorProps) {
  useTitle(title);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    enter.mutate();
  };
  return (
    <main id="main" className="mx-auto grid min-h-dvh w-full max-w-md content-center gap-6 px-4 py-10">
      <div className="grid justify-items-center gap-3 text-center">
        <CircleParking aria-hidden className="size-12 text-accent" />
        <h1 className="text-2xl font-bold tracking-tight">{title}</h1>
        <p className="text-soft">Book a slot, and be told in time before it ends.</p>
      </div>
      <Card>
        <form onSubmit={submit} className="grid gap-4">
          {children}
          <Problem error={enter.error} />
          <Button type="submit" tone="main" busy={enter.isPending}>
            {button}
          </Button>
        </form>
      </Card>
      <p className="text-center text-sm text-soft">{other}</p>
    </main>
  );
}

interface NamesProps {
  form: { username: string; password: string };
  setForm: (form: { username: string; password: string }) => void;
  errors: Readonly<Record<string, readonly string[]>>;
  password: string;
}

function Names({ form, setForm, errors, password }: NamesProps) {
  return (
    <>
      <Field
        label="Name"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        required
        value={form.username}
        errors={errors["username"]}
        onChange={(event) => { setForm({ ...form, username: event.target.value }); }}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete={password}
        required
        value={form.password}
        errors={errors["password"]}
        onChange={(event) => { setForm({ ...form, password: event.target.value }); }}
      />
    </>
  );
}
