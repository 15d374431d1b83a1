import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { signOut } from "../api/gate";
import type { Operator } from "../api/session";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { toast } from "../ui/toast";

/** Who has signed in, and the way out. */
export function Account({ operator }: { operator: Operator }) {
  const [busy, setBusy] = useState(false);
  const leave = async () => {
    setBusy(true);
    try {
      await signOut();
    } catch (e) {
      toast.bad("You are still signed in", e);
      setBusy(false);
    }
  };
  return (
    <div class="account">
      <Link href="/access" class="account-name" title={`${operator.name}, ${operator.role}`}>
        <span class="truncate">{operator.name}</span>
        <Badge>{operator.role}</Badge>
      </Link>
      <Button variant="ghost" size="small" icon="leave" label="Sign out" busy={busy} onClick={() => void leave()} />
    </div>
  );
}
