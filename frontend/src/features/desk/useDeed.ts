/** A write at the desk, after which everything that is drawn is asked for anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Refusal } from "@/lib/api";
import { useOnce } from "@/lib/once";

export function useDeed<Input = void>(send: (input: Input) => Promise<unknown>, done: () => void = () => undefined) {
  const queries = useQueryClient();
  return useOnce(
    useMutation({
      mutationFn: send,
      onSuccess: done,
      onSettled: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" }),
    }),
  );
}

/** What the server said of each field. */
export function errorsOf(error: Error | null): Readonly<Record<string, readonly string[]>> {
  return error instanceof Refusal ? error.fields : {};
}
