/** Where the client begins. */
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { Refusal } from "@/lib/api";
import * as ask from "@/lib/queries";
import { App, beginToLoad } from "./routes";
import { letWorkerIn } from "./worker";
import "./style.css";

/** The session ended elsewhere: whoever finds out first asks who is here. */
function onError(error: Error): void {
  if (!(error instanceof Refusal && error.status === 401)) return;
  if (queries.getQueryData(ask.me.queryKey)?.user) void queries.invalidateQueries({ queryKey: ask.me.queryKey });
}

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server refused, it would refuse again; what did not reach it, might the next time.
      retry: (failures, error) => failures < 2 && error instanceof Refusal && error.undecided && navigator.onLine,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

beginToLoad(location.pathname);
void queries.prefetchQuery(ask.me);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <BrowserRouter>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
}

letWorkerIn();
