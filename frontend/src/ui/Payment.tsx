/** How to pay. No card data comes here: the provider's own form gives a token for it. */
import { Banknote, CreditCard, Smartphone } from "lucide-react";
import { Choice, Select } from "./controls";

export interface PaymentChoice {
  readonly payment_method: "card" | "upi" | "cash";
  readonly payment_token: string;
}

export const FIRST_PAYMENT: PaymentChoice = { payment_method: "card", payment_token: "tok_visa" };

const METHODS = [
  { value: "card", icon: CreditCard, words: "Card" },
  { value: "upi", icon: Smartphone, words: "UPI" },
  { value: "cash", icon: Banknote, words: "Cash" },
] as const;

/** Stands where the provider's form will: each answer of its sandbox, by name. */
const SANDBOX = [
  { token: "tok_visa", words: "One that is accepted" },
  { token: "tok_declined", words: "One that is declined" },
  { token: "tok_insufficient_funds", words: "One without funds" },
];

interface PaymentProps {
  value: PaymentChoice;
  errors?: readonly string[] | undefined;
  onChange: (value: PaymentChoice) => void;
}

export function Payment({ value, errors, onChange }: PaymentProps) {
  const cash = value.payment_method === "cash";
  return (
    <div className="grid gap-4">
      <Choice
        label="Pay by"
        value={value.payment_method}
        options={METHODS.map(({ value: method, icon: Icon, words }) => ({
          value: method,
          label: (
            <>
              <Icon aria-hidden className="size-4" />
              {words}
            </>
          ),
        }))}
        onChange={(payment_method) => {
          onChange({ payment_method, payment_token: payment_method === "cash" ? "" : "tok_visa" });
        }}
        hint={cash ? "Pay at the lot. It is pending until the lot’s owner has the cash; it is yours meanwhile." : undefined}
      />
      {!cash && (
        <Select
          label={`Sandbox ${value.payment_method === "card" ? "card" : "UPI account"}`}
          value={value.payment_token}
          errors={errors}
          onChange={(event) => { onChange({ ...value, payment_token: event.target.value }); }}
        >
          {SANDBOX.map(({ token, words }) => (
            <option key={token} value={token}>
              {words}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}
