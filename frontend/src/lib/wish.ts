/** A write that costs money: sent twice, it is done once. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { newKey, Refusal } from "./api";
import { useOnce } from "./once";

interface Wish<Form, Body> {
  readonly form: Form;
  readonly body: Body;
  readonly key: string;
}

/**
 * Sends what a form asks. `compose` turns the form into the request once; while nobody knows what became
 * of it, sending the same form again sends the same request with the same key.
 */
export function useWish<Form, Body, Answer>(
  compose: (form: Form) => Body,
  send: (body: Body, key: string) => Promise<Answer>,
  done: (answer: Answer) => void,
) {
  const queries = useQueryClient();
  const undecided = useRef<Wish<Form, Body> | null>(null);
  const mutation = useMutation({
    mutationFn: async (form: Form) => {
      const last = undecided.current;
      const same = last && JSON.stringify(last.form) === JSON.stringify(form);
      const wish = same ? last : { form, body: compose(form), key: newKey() };
      undecided.current = wish;
      try {
        const answered = await send(wish.body, wish.key);
        undecided.current = null;
        return answered;
      } catch (error) {
        if (!(error instanceof Refusal && error.undecided)) undecided.current = null;
        throw error;
      }
    },
    onSuccess: done,
    onSettled: () => queries.invalidateQueries(),
  });
  return useOnce(mutation);
}
