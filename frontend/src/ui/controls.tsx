/** Buttons, fields and choices: everything a person touches. */
import { LoaderCircle } from "lucide-react";
import { useEffect, useId, useRef, type ComponentProps, type ReactNode } from "react";

const TONES = {
  main: "bg-accent text-on-accent hover:opacity-90",
  plain: "bg-card text-ink border border-line hover:bg-sunken",
  quiet: "text-accent hover:bg-tint",
  danger: "bg-bad-tint text-bad hover:opacity-85",
};

interface ButtonProps extends ComponentProps<"button"> {
  tone?: keyof typeof TONES;
  busy?: boolean;
}

export function Button({ tone = "plain", busy = false, className = "", children, disabled, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled}
      // Not `disabled` while it is busy: the keyboard would lose its place.
      aria-disabled={busy || undefined}
      aria-busy={busy}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
      className={`${buttonClass(tone)} ${className}`}
    >
      {busy && <LoaderCircle aria-hidden className="size-4 animate-spin" />}
      {children}
    </button>
  );
}

/** For links that look like buttons. */
export function buttonClass(tone: keyof typeof TONES = "plain"): string {
  return `inline-flex min-h-11 shrink-0 items-center justify-center gap-2 rounded-xl px-4 py-2 text-sm font-semibold transition disabled:opacity-50 aria-disabled:opacity-50 print:hidden ${TONES[tone]}`;
}

const INPUT =
  "block w-full min-h-11 rounded-xl border border-edge bg-card px-3.5 py-2 text-base text-ink placeholder:text-soft aria-invalid:border-bad";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  hint?: ReactNode;
  errors?: readonly string[] | undefined;
}

export function Field({ label, hint, errors, className = "", ...rest }: FieldProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // After a refusal one goes on in the first field that it names.
    if (errors?.length && input.current === input.current?.form?.querySelector("[aria-invalid=true]")) input.current?.focus();
  }, [errors]);
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      <input ref={input} id={id} {...rest} aria-invalid={Boolean(errors?.length)} aria-describedby={aboutId(id, hint, errors)} className={INPUT} />
      <About id={`${id}-about`} hint={hint} errors={errors} />
    </div>
  );
}

interface ChoiceProps<T extends string | number> {
  label: string;
  value: T;
  options: readonly { value: T; label: ReactNode; disabled?: boolean }[];
  onChange: (value: T) => void;
  hint?: ReactNode;
}

/** One of a few, as a row of buttons that the arrow keys move along. */
export function Choice<T extends string | number>({ label, value, options, onChange, hint }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-medium">{label}</legend>
      <div className="flex flex-wrap gap-2">
        {options.map((option) => (
          <label
            key={option.value}
            className="inline-flex min-h-11 cursor-pointer items-center gap-2 rounded-xl border border-line bg-card px-3.5 text-sm font-medium has-checked:border-accent has-checked:bg-tint has-checked:text-accent has-disabled:opacity-50 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name={name}
              className="sr-only"
              checked={option.value === value}
              disabled={option.disabled ?? false}
              onChange={() => { onChange(option.value); }}
            />
            {option.label}
          </label>
        ))}
      </div>
      <About hint={hint} />
    </fieldset>
  );
}

interface SelectProps extends ComponentProps<"select"> {
  label: string;
  hint?: ReactNode;
  errors?: readonly string[] | undefined;
}

export function Select({ label, hint, errors, children, className = "", ...rest }: SelectProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      <select id={id} {...rest} aria-invalid={Boolean(errors?.length)} aria-describedby={aboutId(id, hint, errors)} className={INPUT}>
        {children}
      </select>
      <About id={`${id}-about`} hint={hint} errors={errors} />
    </div>
  );
}

interface SwitchProps {
  label: string;
  /** What it is called where the label does not say of what it is. */
  name?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

export function Switch({ label, name, checked, disabled = false, onChange }: SwitchProps) {
  return (
    <label className="inline-flex min-h-11 items-center gap-2 text-sm has-disabled:opacity-50">
      <input
        type="checkbox"
        role="switch"
        aria-label={name}
        checked={checked}
        disabled={disabled}
        onChange={(event) => { onChange(event.target.checked); }}
        className="relative h-6 w-10 shrink-0 cursor-pointer appearance-none rounded-full bg-edge transition before:absolute before:top-0.5 before:left-0.5 before:size-5 before:rounded-full before:bg-white before:transition checked:bg-accent checked:before:translate-x-4"
      />
      {label}
    </label>
  );
}

/** A description that is not there must not be pointed at. */
function aboutId(id: string, hint: ReactNode, errors: readonly string[] | undefined): string | undefined {
  return hint || errors?.length ? `${id}-about` : undefined;
}

function About({ id, hint, errors }: { id?: string; hint?: ReactNode; errors?: readonly string[] | undefined }) {
  if (!hint && !errors?.length) return null;
  return (
    <div id={id} className="mt-1.5 text-sm text-soft">
      {errors?.map((words) => (
        <p key={words} className="text-bad">
          {words}
        </p>
      ))}
      {hint}
    </div>
  );
}
