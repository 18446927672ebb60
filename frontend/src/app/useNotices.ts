/** The line of whoever is signed in: its notices become toasts, and what is drawn is asked for anew. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
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

export function useNotices(userId: number): void {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const go = useRef(navigate);
  const { state } = useLine();
  useEffect(() => {
    go.current = navigate;
  }, [navigate]);

  useEffect(
    () =>
      listen(
        userId,
        {
          given: ({ notice, toast, vibration, sound }, show) => {
            if (!toast || !show) return;
            const open = (address: string) => void go.current(address);
            void toasts().then(({ showToast }) => showToast(notice, { vibration, sound, open }));
          },
          reread: (stale, done) => void ask.reread(queries, stale).then(done),
        },
        () => isStillIn(queries, userId).catch(() => null),
      ),
    [userId, queries],
  );

  useEffect(() => {
    // Another tab has found that this sign-in ended: find out who is here now.
    if (state.name === "stopped" && state.code !== null) void queries.invalidateQueries({ queryKey: ask.me.queryKey });
  }, [state, queries]);
}

const NEW_COOKIE = 1_000;

/** Another password gives this browser another session, a moment after its line has ended. Whoever asks before
 * that, with the old one's cookie, has the new one's deleted by the answer. */
async function isStillIn(queries: QueryClient, userId: number): Promise<boolean> {
  await new Promise((passed) => setTimeout(passed, NEW_COOKIE));
  return (await queries.fetchQuery({ ...ask.me, staleTime: 0 })).user?.id === userId;
}
