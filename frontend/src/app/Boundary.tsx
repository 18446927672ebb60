/** Where a page could not be loaded or drawn: says so, and keeps the rest of the client. */
import { Component, type ReactNode } from "react";
import { Button } from "@/ui/controls";
import { Page, Problem } from "@/ui/layout";

export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    // After an update of ParkMate the old page's parts are not there any more: the whole page anew has the new ones.
    return (
      <Page title="This page did not open">
        <Problem error={new Error("A part of it could not be loaded. What you typed is kept.")}>
          <Button tone="quiet" onClick={() => { location.reload(); }}>
            Load it anew
          </Button>
        </Problem>
      </Page>
    );
  }
}
