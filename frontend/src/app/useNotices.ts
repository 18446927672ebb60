/** The line of whoever is signed in: its notices become toasts, and what is drawn is asked for anew. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { loaded } from "@/lib/chunks";
import { listen, useLine } from "@/lib/live";
import * as ask from "@/lib/queries";

const PATIENCE = 5_000;

/** Not in the first load: a toast needs a notice first. Until they are here, however long it takes. */
export async function toasts(): Promise<typeof import("@/features/notices/toasts")> {
  try {
    return await loaded(() => import("@/features/notices/toasts"));
  } catch {
    await new Promise((resolve) => { setTimeout(resolve, PATIENCE); });
    return toasts();
  }
}

/** Many notices at once are one reason to ask. */
const TOGETHER = 150;

export function useNotices(userId: number): void {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const go = useRef(navigate);
  const { state } = useLine();
  useEffect(() => {
    go.current = navigate;
  }, [navigate]);

  useEffect(() => {
    let asking: ReturnType<typeof setTimeout> | undefined;
    // Whatever the notice is about: no list here of what each kind changes.
    const reread = () => {
      asking ??= setTimeout(() => {
        asking = undefined;
        void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "me" });
      }, TOGETHER);
    };
    const stop = listen(userId, {
      given: ({ notice, toast, vibration }, show) => {
        const open = (address: string) => void go.current(address);
        if (toast && show) void toasts().then(({ showToast }) => showToast(notice, { vibrate: vibration, open }));
        reread();
      },
      reread,
    });
    return () => {
      clearTimeout(asking);
      stop();
    };
  }, [userId, queries]);

  useEffect(() => {
    // The server ended this sign-in: find out who is here now.
    if (state.name === "stopped" && state.code !== null) void queries.invalidateQueries({ queryKey: ask.me.queryKey });
  }, [state, queries]);
}
