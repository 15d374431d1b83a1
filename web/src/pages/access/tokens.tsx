import { useMemo, useState } from "preact/hooks";
import { Secret } from "../../access/secret";
import { listTokens, newToken, revokeToken } from "../../api/client";
import type { ApiToken, NewToken } from "../../api/types";
import { useAsk } from "../../api/use";
import { Button } from "../../ui/button";
import { ConfirmDialog, Dialog } from "../../ui/dialog";
import { EmptyState } from "../../ui/feedback";
import { TextField } from "../../ui/field";
import { moment } from "../../ui/format";
import { Card } from "../../ui/page";
import { DataTable, type Column } from "../../ui/table";
import { Ago } from "../../ui/time";
import { toast } from "../../ui/toast";
import { FormDialog } from "./form-dialog";
import { useSubmit } from "./use-submit";

/** The API tokens of who has signed in. */
export function Tokens() {
  const asked = useAsk("tokens", listTokens);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<NewToken>();
  const [doomed, setDoomed] = useState<ApiToken>();
  const columns = useMemo(
    (): Column<ApiToken>[] => [
      { title: "Label", header: true, cell: (t) => t.label },
      { title: "Made", class: "w-time", cell: (t) => <Ago at={t.created} /> },
      { title: "Expires", class: "w-time", cell: (t) => <span class="num">{moment(t.expires)}</span> },
      { title: "Actions", hideTitle: true, class: "w-actions", cell: (t) => <Button size="small" variant="ghost" icon="trash" label={`Remove token ${t.label}`} onClick={() => setDoomed(t)} /> },
    ],
    [],
  );
  return (
    <Card title="Your API tokens" flush actions={<Button size="small" icon="plus" onClick={() => setMaking(true)}>New token</Button>}>
      <DataTable
        caption="Your API tokens"
        columns={columns}
        rows={asked.data?.tokens ?? []}
        rowKey={(t) => t.id}
        loading={asked.loading && !asked.data}
        error={asked.error}
        retry={asked.refresh}
        empty={<EmptyState icon="key" title="You have no API token">A program shows one in place of your password, and may do what you may.</EmptyState>}
      />
      {making && (
        <NewTokenDialog
          onClose={() => setMaking(false)}
          onMade={(token) => {
            setMaking(false);
            setMade(token);
            asked.refresh();
          }}
        />
      )}
      {made && (
        <Dialog title={`API token ${made.label}`} onClose={() => setMade(undefined)} footer={<Button variant="primary" onClick={() => setMade(undefined)}>Done</Button>}>
          <Secret label="Token" text={made.token} />
          <p class="muted">
            Send it as <code>Authorization: Bearer</code>, or give it to the command line as <code>AGATA_TOKEN</code>.
          </p>
        </Dialog>
      )}
      {doomed && (
        <ConfirmDialog
          title={`Remove token ${doomed.label}?`}
          confirm="Remove token"
          danger
          onClose={() => setDoomed(undefined)}
          onConfirm={async () => {
            await revokeToken(doomed.id);
            toast.good(`Token ${doomed.label} is removed.`);
            asked.refresh();
          }}
        >
          <p>Programs that use it are refused from now on.</p>
        </ConfirmDialog>
      )}
    </Card>
  );
}

function NewTokenDialog({ onClose, onMade }: { onClose: () => void; onMade: (token: NewToken) => void }) {
  const [label, setLabel] = useState("");
  const [days, setDays] = useState("30");
  const form = useSubmit(async () => onMade(await newToken({ label: label.trim(), days: Number(days) })));
  return (
    <FormDialog
      title="New API token"
      verb="Make token"
      {...form}
      onSubmit={(e) => void form.submit(e, { label: label.trim() === "" && "Give it a name to know it by.", days: !/^\d+$/.test(days.trim()) && "Give a whole number of days." })}
      onClose={onClose}
    >
      <TextField name="label" label="Label" required autofocus value={label} onInput={setLabel} error={form.fields.label} hint="What it is for, such as the program that uses it." />
      <TextField name="days" label="Good for, in days" type="number" value={days} onInput={setDays} error={form.fields.days} hint="366 at most." />
    </FormDialog>
  );
}
