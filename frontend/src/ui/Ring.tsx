/** A ring that empties, with words inside it. */
import type { ReactNode } from "react";

const RADIUS = 92;
const AROUND = 2 * Math.PI * RADIUS;
const STROKES = { accent: "stroke-accent", warn: "stroke-warn", calm: "stroke-soft", good: "stroke-good", bad: "stroke-bad" };

interface RingProps {
  /** What is left, from 0 to 1. */
  left: number;
  tone: keyof typeof STROKES;
  label: string;
  children: ReactNode;
}

export function Ring({ left, tone, label, children }: RingProps) {
  const share = Math.min(1, Math.max(0, left));
  return (
    <div role="timer" aria-label={label} className="relative mx-auto aspect-square w-full max-w-72">
      <svg viewBox="0 0 200 200" className="size-full -rotate-90" aria-hidden>
        <circle cx="100" cy="100" r={RADIUS} fill="none" strokeWidth="10" className="stroke-sunken" />
        <circle
          cx="100"
          cy="100"
          r={RADIUS}
          fill="none"
          strokeWidth="10"
          strokeLinecap="round"
          strokeDasharray={AROUND}
          strokeDashoffset={AROUND * (1 - share)}
          className={`transition-[stroke-dashoffset] duration-1000 ease-linear ${share ? STROKES[tone] : "stroke-transparent"}`}
        />
      </svg>
      <div className="absolute inset-0 grid place-content-center px-8 text-center">{children}</div>
    </div>
  );
}
