/** Asking again while it is being done does nothing: a double click is quicker than what is drawn. */
import type { UseMutationResult } from "@tanstack/react-query";
import { useRef } from "react";

export function useOnce<Answer, Input>(mutation: UseMutationResult<Answer, Error, Input>) {
  const busy = useRef(false);
  const mutate = (input: Input) => {
    if (busy.current) return;
    busy.current = true;
    mutation.mutate(input, { onSettled: () => { busy.current = false; } });
  };
  return { ...mutation, mutate };
}
