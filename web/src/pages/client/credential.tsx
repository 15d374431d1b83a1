import { useState } from "preact/hooks";
import { EnrolDialog } from "../../access/enrol-dialog";
import { useRefusal, useSession } from "../../access/use-session";
import { credential, revokeCredential } from "../../api/client";
import { useAsk } from "../../api/use";
import { Button } from "../../ui/button";
import { ConfirmDialog } from "../../ui/dialog";
import { ErrorState, Skeleton } from "../../ui/feedback";
import { Card } from "../../ui/page";
import { Ago } from "../../ui/time";
import { toast } from "../../ui/toast";

/** Whether a client can show who it is, and how that begins and ends. Nothing in an open cloud. */
export function Credential({ client }: { client: string }) {
  const closed = "operator" in useSession();
  const refused = useRefusal("operator");
  const asked = useAsk(closed ? `credential ${client}` : null, (signal) => credential(client, signal));
  const [open, setOpen] = useState<"enrol" | "revoke">();
  if (!closed) return null;
  const about = asked.data;
  const close = () => {
    setOpen(undefined);
    asked.refresh();
  };
  return (
    <Card
      title="Credential"
      actions={
        about && (
          <>
            <Button size="small" icon="key" refused={refused} onClick={() => setOpen("enrol")}>{about.credential ? "Enrol anew" : "Enrol"}</Button>
            {about.credential && <Button size="small" icon="trash" refused={refused} onClick={() => setOpen("revoke")}>Revoke</Button>}
          </>
        )
      }
    >
      {asked.error !== undefined && <ErrorState error={asked.error} retry={asked.refresh} />}
      {!about && asked.loading && <Skeleton lines={1} />}
      {about &&
        (about.credential ? (
          <p>It has one{about.created ? <>, since <Ago at={about.created} /></> : ""}{about.by ? `; ${about.by} let it enrol` : ""}.</p>
        ) : (
          <p>It has none. This cloud takes nothing from it until it enrols, unless <code>auth.peers</code> admits clients without.</p>
        ))}
      {open === "enrol" && <EnrolDialog client={client} onClose={close} />}
      {open === "revoke" && (
        <ConfirmDialog
          title={`Revoke the credential of ${client}?`}
          confirm="Revoke credential"
          danger
          onClose={close}
          onConfirm={async () => {
            await revokeCredential(client);
            toast.good(`${client} has no credential any more.`);
          }}
        >
          <p>From now on this cloud takes nothing from it and gives it no tasks, until it enrols anew. What it runs goes on until it ends. Tokens that were made for it to enrol are void too.</p>
        </ConfirmDialog>
      )}
    </Card>
  );
}
