/** A form behind a button: opened it has the keyboard, closed the button has it again. */
import { useEffect, useRef, useState, type ReactNode } from "react";
import { Button } from "./controls";

interface FoldableProps {
  trigger: ReactNode;
  tone?: "main" | "plain" | "quiet";
  /** What the opened part is called, and the button where its own words would not do. */
  name: string;
  className?: string;
  children: (close: () => void) => ReactNode;
}

export function Foldable({ trigger, tone = "plain", name, className = "", children }: FoldableProps) {
  const [open, setOpen] = useState(false);
  const wasOpen = useRef(false);
  const button = useRef<HTMLButtonElement>(null);
  const inside = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) inside.current?.focus();
    else if (wasOpen.current) button.current?.focus();
    wasOpen.current = open;
  }, [open]);
  const close = () => { setOpen(false); };
  if (!open) {
    return (
      <Button ref={button} tone={tone} aria-label={name} aria-expanded={false} className={className} onClick={() => { setOpen(true); }}>
        {trigger}
      </Button>
    );
  }
  return (
    <div
      ref={inside}
      role="group"
      aria-label={name}
      tabIndex={-1}
      className="w-full rounded-2xl"
      onKeyDown={(event) => { if (event.key === "Escape") close(); }}
    >
      {children(close)}
    </div>
  );
}
