/** Keeps what breaks in one page from taking the others along. */
import { Component, type ReactNode } from "react";
import { Unloadable } from "@/lib/chunks";
import { Page, Problem } from "@/ui/layout";

interface BoundaryProps {
  /** Where one is: somewhere else is a new try. */
  at: string;
  children: ReactNode;
}

export class Boundary extends Component<BoundaryProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidUpdate({ at }: BoundaryProps) {
    if (at !== this.props.at && this.state.error) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    const told = error instanceof Unloadable ? error : new Error("Something in this page is broken. Your bookings are safe on the server.");
    return (
      <Page title="This did not work">
        <Problem error={told} retry={() => { location.reload(); }} />
      </Page>
    );
  }
}
