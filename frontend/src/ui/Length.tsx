/** For how long: a few usual answers, or any number of minutes. */
import { useState } from "react";
import { Choice, Field } from "./controls";

const USUAL = [15, 30, 60, 120, 240];
const words = (minutes: number) => (minutes < 60 ? `${String(minutes)} min` : `${String(minutes / 60)} h`);

interface LengthProps {
  label?: string;
  minutes: number;
  onChange: (minutes: number) => void;
  errors?: readonly string[] | undefined;
}

export function Length({ label = "For", minutes, onChange, errors }: LengthProps) {
  const [own, setOwn] = useState(!USUAL.includes(minutes));
  const options = USUAL.map((value) => ({ value, label: words(value) }));
  return (
    <div className="grid gap-3">
      <Choice
        label={label}
        value={own ? 0 : minutes}
        options={[...options, { value: 0, label: "Other" }]}
        onChange={(value) => {
          setOwn(value === 0);
          if (value) onChange(value);
        }}
      />
      {(own || Boolean(errors?.length)) && (
        <Field
          label="Minutes"
          type="number"
          inputMode="numeric"
          min={1}
          max={44_640}
          required
          value={minutes || ""}
          errors={errors}
          onChange={(event) => { onChange(event.target.valueAsNumber || 0); }}
        />
      )}
    </div>
  );
}
