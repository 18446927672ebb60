/** What was typed into a form, kept in this tab until it is sent: across a reload, and across signing in again. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { me } from "./queries";

const PREFIX = "parkmate.draft.";

interface Draft<Form> {
  readonly form: Form;
  /** Takes some fields over. */
  readonly set: (change: Partial<Form>) => void;
  /** It was sent: the form is as it was in the beginning. */
  readonly forget: () => void;
}

/** The draft of the form of this name, of whoever is signed in; passwords do not belong into one. */
export function useDraft<Form extends object>(name: string, initial: Form): Draft<Form> {
  const user = useQueryClient().getQueryData(me.queryKey)?.user;
  const key = `${PREFIX}${String(user?.id ?? 0)}.${name}`;
  const [form, setForm] = useState(() => kept(key, initial));
  return {
    form,
    set: (change) => {
      setForm((old) => {
        const next = { ...old, ...change };
        keep(key, next);
        return next;
      });
    },
    forget: () => {
      sessionStorage.removeItem(key);
      setForm(initial);
    },
  };
}

/** Whoever signs out leaves nothing half-filled behind. */
export function forgetDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

function keep(key: string, form: object): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(form));
  } catch {
    // No room for it: the form itself still has what was typed.
  }
}

/** The initial form with what was kept of it; what has another type is of another version, and dropped. */
export function kept<Form extends object>(key: string, initial: Form): Form {
  let found: unknown;
  try {
    found = JSON.parse(sessionStorage.getItem(key) ?? "{}");
  } catch {
    return initial;
  }
  return like(initial, found);
}

function like<Form extends object>(initial: Form, found: unknown): Form {
  if (typeof found !== "object" || found === null) return initial;
  const known = Object.entries(found).filter(([name, value]) => typeof value === typeof initial[name as keyof Form]);
  return { ...initial, ...Object.fromEntries(known) } as Form;
}
