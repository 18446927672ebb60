/** Signing in, and making an account. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleParking } from "lucide-react";
import { useRef, useState, type ReactNode, type SyntheticEvent } from "react";
import { Link, useLocation, useNavigate } from "react-router";
import { useDraft } from "@/lib/draft";
import { answer, Refusal, server, type Schemas } from "@/lib/api";
import * as ask from "@/lib/queries";
import { Button, Choice, Field } from "@/ui/controls";
import { Card, Problem, useArrival, useTitle } from "@/ui/layout";

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
  const { form: kept, set, forget } = useDraft("register", { username: "", role: "driver" });
  const [password, setPassword] = useState("");
  const form = { username: kept.username, password };
  const role = kept.role === "owner" ? "owner" : "driver";
  const enter = useEntrance(() => answer(server.POST("/api/auth/register/", { body: { ...form, role } })), forget);
  const setForm = ({ username, password: typed }: typeof form) => {
    set({ username });
    setPassword(typed);
  };
  return (
    <Door title="Make an account" other={<>You have one? <SignIn /></>} enter={enter} button="Make the account">
      <Names form={form} setForm={setForm} errors={fieldsOf(enter.error)} password="new-password" hints />
      <Choice
        label="You …"
        value={role}
        options={[
          { value: "driver", label: "park" },
          { value: "owner", label: "own a lot" },
        ]}
        onChange={(chosen) => { set({ role: chosen }); }}
      />
    </Door>
  );
}

const LINK = "font-semibold text-accent underline-offset-4 hover:underline";
const Register = () => <Link className={LINK} to="/register" state={useLocation().state}>Make an account</Link>;
const SignIn = () => <Link className={LINK} to="/sign-in" state={useLocation().state}>Sign in</Link>;

function useEntrance(enter: () => Promise<Schemas["Who"]>, done: () => void = () => undefined) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const from = useFrom() ?? "/";
  return useMutation({
    mutationFn: enter,
    onSuccess: (who) => {
      done();
      // Nothing of whoever was here before.
      queries.clear();
      queries.setQueryData(ask.me.queryKey, who);
      void navigate(from, { replace: true });
    },
  });
}

/** Where one was when the sign-in had ended, to go back to. */
const useFrom = () => (useLocation().state as { from?: string } | null)?.from;

const fieldsOf = (error: Error | null) => (error instanceof Refusal ? error.fields : {});

interface DoorProps {
  title: string;
  button: string;
  other: ReactNode;
  enter: { mutate: () => void; isPending: boolean; error: Error | null };
  children: ReactNode;
}

function Door({ title, button, other, enter, children }: DoorProps) {
  const from = useFrom();
  const lead = from && from !== "/" ? "Then you go on to the page that you asked for." : "Book a slot, and be told in time before it ends.";
  const heading = useRef<HTMLHeadingElement>(null);
  useTitle(title);
  useArrival(heading);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!enter.isPending) enter.mutate();
  };
  return (
    <main id="main" className="mx-auto grid min-h-dvh w-full max-w-md content-center gap-6 px-4 py-10">
      <div className="grid justify-items-center gap-3 text-center">
        <CircleParking aria-hidden className="size-12 text-accent" />
        <h1 ref={heading} tabIndex={-1} className="rounded-md text-2xl font-bold tracking-tight">{title}</h1>
        <p className="text-soft">{lead}</p>
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

const HINT = "At least 8 characters, not only digits, and not a common word.";

interface NamesProps {
  form: { username: string; password: string };
  setForm: (form: { username: string; password: string }) => void;
  errors: Readonly<Record<string, readonly string[]>>;
  password: string;
  /** Says what the server asks of a name and a password, before it has to refuse one. */
  hints?: boolean;
}

function Names({ form, setForm, errors, password, hints = false }: NamesProps) {
  return (
    <>
      <Field
        label="User name"
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        required
        value={form.username}
        hint={hints && "Letters, digits and @ . + - _"}
        maxLength={150}
        spellCheck={false}
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
        hint={hints && HINT}
        maxLength={128}
        errors={errors["password"]}
        onChange={(event) => { setForm({ ...form, password: event.target.value }); }}
      />
    </>
  );
}
