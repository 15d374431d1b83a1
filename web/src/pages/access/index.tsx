import { useState } from "preact/hooks";
import { useSession } from "../../access/use-session";
import { covers } from "../../api/session";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { EmptyState } from "../../ui/feedback";
import { Card, Facts, Page } from "../../ui/page";
import { Accounts } from "./accounts";
import { OwnPasswordDialog } from "./password-dialog";
import { Tokens } from "./tokens";
import "../../access/access.css";

const may = {
  viewer: "look at everything but passwords",
  operator: "look at everything, change tasks and clients, and enrol clients",
  admin: "do everything, and manage accounts",
};

/** Who may use this cloud: the own account, the own tokens and, for an admin, all accounts. */
export default function AccessPage() {
  const standing = useSession();
  const [open, setOpen] = useState(false);
  const operator = "operator" in standing ? standing.operator : undefined;
  if (!operator) {
    return (
      <Page title="Access">
        <Card>
          <EmptyState icon="lock" title="This cloud asks for no credentials">
            <p>Whoever reaches it may do everything. To close it, make the first admin on its machine, and restart it:</p>
            <p>
              <code>agata operator init NAME</code>
            </p>
          </EmptyState>
        </Card>
      </Page>
    );
  }
  return (
    <Page title="Access">
      <Card title="Your account" actions={<Button size="small" icon="key" onClick={() => setOpen(true)}>Change password</Button>}>
        <Facts
          items={[
            ["Name", <span class="break">{operator.name}</span>],
            ["Role", <Badge>{operator.role}</Badge>],
            ["You may", may[operator.role] ?? "look"],
          ]}
        />
      </Card>
      <Tokens />
      {covers(operator.role, "admin") && <Accounts me={operator.name} />}
      {open && <OwnPasswordDialog name={operator.name} onClose={() => setOpen(false)} />}
    </Page>
  );
}
