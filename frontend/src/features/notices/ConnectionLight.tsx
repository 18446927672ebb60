/** Whether what one sees is what is: live, reconnecting and since when, offline. */
import { CloudOff, RefreshCw } from "lucide-react";
import { moment } from "@/lib/format";
import { useLine, useServerTime } from "@/lib/live";

export function ConnectionLight() {
  const { state, offset } = useLine();
  const now = useServerTime();
  if (state.name === "live") {
    return (
      <Light words="Live" title="Connected: every notice arrives at once.">
        <span aria-hidden className="size-2.5 rounded-full bg-good" />
      </Light>
    );
  }
  if (state.name === "connecting") {
    return (
      <Light words="Connecting" title="Connecting …">
        <span aria-hidden className="size-2.5 animate-pulse rounded-full bg-soft" />
      </Light>
    );
  }
  if (state.name === "stopped") return <Light words="Signed out" title="This sign-in has ended." tone="text-bad" />;
  const since = `since ${moment(state.since + offset, now)}`;
  const away = state.name === "offline";
  const Icon = away ? CloudOff : RefreshCw;
  return (
    <Light
      words={`${away ? "Offline" : "Reconnecting"} ${since}`}
      title="What you see may be old. Nothing is lost: what you missed comes when the line is back."
      tone={away ? "text-bad" : "text-warn"}
      loud
    >
      <Icon aria-hidden className="size-4" />
    </Light>
  );
}

interface LightProps {
  words: string;
  title: string;
  tone?: string;
  loud?: boolean;
  children?: React.ReactNode;
}

function Light({ words, title, tone = "text-soft", loud = false, children }: LightProps) {
  return (
    <span role="status" title={title} className={`inline-flex items-center gap-1.5 text-xs font-medium ${tone}`}>
      {children}
      <span className={loud ? "" : "sr-only sm:not-sr-only"}>{words}</span>
    </span>
  );
}
