/** Which notices one wants, and where: the server says which there are. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, server, type Schemas } from "@/lib/api";
import * as ask from "@/lib/queries";
import { Switch } from "@/ui/controls";
import { Asked, Badge, Card, Page, Problem } from "@/ui/layout";
import { inWords } from "./words";

type Preference = Schemas["Preference"];

const CHANNELS = [
  ["inbox", "Inbox"],
  ["toast", "On the screen"],
  ["sound", "Sound"],
  ["vibration", "Vibration"],
] as const;

export function PreferencesPage() {
  const queries = useQueryClient();
  const query = useQuery(ask.preferences);
  const choose = useMutation({
    mutationFn: (choice: { event: string } & Partial<Preference>) =>
      answer(server.PATCH("/api/notification-preferences/", { body: { preferences: [choice as never] } })),
    onSuccess: (all) => { queries.setQueryData(ask.preferences.queryKey, all); },
  });
  return (
    <Page title="What to tell me" lead="For each notice, where it may reach you. What matters most always stands in the inbox.">
      <Problem error={choose.error} />
      <Asked query={query}>
        {(all) => (
          <div className="grid gap-3">
            {all.map((preference) => (
              <Card key={preference.event}>
                <h2 className="font-semibold">
                  {inWords(preference)} {preference.critical && <Badge tone="accent">always kept</Badge>}
                </h2>
                <p className="mt-0.5 text-sm text-soft">{preference.cause}</p>
                <div role="group" aria-label={inWords(preference)} className="mt-2 grid grid-cols-2 gap-x-6 sm:flex">
                  {CHANNELS.map(([channel, words]) => (
                    <Switch
                      key={channel}
                      label={words}
                      checked={preference[channel]}
                      disabled={channel === "inbox" && preference.critical}
                      onChange={(wanted) => { choose.mutate({ event: preference.event, [channel]: wanted }); }}
                    />
                  ))}
                </div>
              </Card>
            ))}
          </div>
        )}
      </Asked>
    </Page>
  );
}
