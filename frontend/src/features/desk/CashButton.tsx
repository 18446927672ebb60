/** Says that cash came, or went back: each once, and neither can be undone. */
import { answer, server, type Schemas } from "@/lib/api";
import { money } from "@/lib/format";
import { Confirm } from "@/ui/Confirm";
import { Problem } from "@/ui/layout";
import { useDeed } from "./useDeed";

type Payment = Pick<Schemas["PaymentSummary"], "id" | "amount" | "driver_name">;

interface VerifyProps {
  payment: Payment;
  /** Where its surroundings say that it is about cash. */
  brief?: boolean;
}

export function Verify({ payment, brief = false }: VerifyProps) {
  const sum = money(payment.amount);
  const verify = useDeed(() => answer(server.POST("/api/owner/payments/{id}/verify/", { params: { path: { id: payment.id } } })));
  return (
    <>
      <Confirm
        trigger={brief ? "Verify" : "Verify cash"}
        // Whoever speaks to the page says the words that stand on the button.
        name={`${brief ? `Verify ${sum} in cash` : `Verify cash: ${sum}`} from ${payment.driver_name}`}
        tone="main"
        title={`Have you got ${sum} in cash?`}
        yes="Yes, I have it"
        no="Not yet"
        busy={verify.isPending}
        onYes={() => { verify.mutate(); }}
      >
        {payment.driver_name} is told that the payment is verified. This cannot be undone.
      </Confirm>
      <Problem error={verify.error} />
    </>
  );
}

export function HandBack({ payment }: { payment: Payment }) {
  const handBack = useDeed(() => answer(server.POST("/api/owner/payments/{id}/hand-back/", { params: { path: { id: payment.id } } })));
  return (
    <>
      <Confirm
        trigger="Handed back"
        name={`Handed back: ${money(payment.amount)} to ${payment.driver_name}`}
        tone="plain"
        title={`Did ${payment.driver_name} get ${money(payment.amount)} back?`}
        yes="Yes, handed back"
        no="Not yet"
        busy={handBack.isPending}
        onYes={() => { handBack.mutate(); }}
      >
        It is recorded as refunded. This cannot be undone.
      </Confirm>
      <Problem error={handBack.error} />
    </>
  );
}
