/** Asks before what cannot be undone. */
import { useId, useRef, type ReactNode } from "react";
import { Button } from "./controls";

interface ConfirmProps {
  trigger: ReactNode;
  /** What the button is called where its own words would not say enough. */
  name?: string | undefined;
  tone?: "main" | "plain" | "quiet" | "danger";
  title: string;
  children?: ReactNode;
  yes: string;
  no?: string;
  busy?: boolean;
  onYes: () => void;
}

export function Confirm({ trigger, name, tone = "danger", title, children, yes, no = "No, keep it", busy = false, onYes }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const close = () => dialog.current?.close();
  return (
    <>
      <Button tone={tone} aria-label={name} aria-haspopup="dialog" busy={busy} onClick={() => dialog.current?.showModal()}>
        {trigger}
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby={id}
        className="m-auto w-[min(26rem,calc(100%-2rem))] rounded-2xl bg-card p-5 text-ink shadow-xl"
        onClick={(event) => { if (event.target === dialog.current) close(); }}
      >
        <h2 id={id} className="text-lg font-semibold">{title}</h2>
        <div className="mt-2 text-sm text-soft">{children}</div>
        <div className="mt-5 flex flex-wrap justify-end gap-2">
          <Button onClick={close}>{no}</Button>
          <Button
            tone={tone === "danger" ? "danger" : "main"}
            onClick={() => {
              close();
              onYes();
            }}
          >
            {yes}
          </Button>
        </div>
      </dialog>
    </>
  );
}
