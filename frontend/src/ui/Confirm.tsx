/** Asks before what cannot be undone. */
import { useRef, type ReactNode } from "react";
import { Button } from "./controls";

interface ConfirmProps {
  trigger: ReactNode;
  title: string;
  children?: ReactNode;
  yes: string;
  busy?: boolean;
  onYes: () => void;
}

export function Confirm({ trigger, title, children, yes, busy = false, onYes }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = () => dialog.current?.close();
  return (
    <>
      <Button tone="danger" busy={busy} onClick={() => dialog.current?.showModal()}>
        {trigger}
      </Button>
      <dialog ref={dialog} aria-label={title} className="m-auto w-[min(26rem,calc(100%-2rem))] rounded-2xl bg-card p-5 text-ink">
        <h2 className="text-lg font-semibold">{title}</h2>
        <div className="mt-2 text-sm text-soft">{children}</div>
        <div className="mt-5 flex flex-wrap justify-end gap-2">
          <Button onClick={close}>No, keep it</Button>
          <Button
            tone="danger"
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
