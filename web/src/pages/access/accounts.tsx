import { useMemo, useState } from "preact/hooks";
import { addOperator, changeOperator, listOperators, removeOperator } from "../../api/client";
import { checkSession } from "../../api/gate";
import type { Role } from "../../api/session";
import type { Account } from "../../api/types";
import { useAsk } from "../../api/use";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { ConfirmDialog } from "../../ui/dialog";
import { SelectField, TextField } from "../../ui/field";
import { Card } from "../../ui/page";
import { DataTable, type Column } from "../../ui/table";
import { Ago } from "../../ui/time";
import { toast } from "../../ui/toast";
import { FormDialog } from "./form-dialog";
import { ResetDialog } from "./password-dialog";
import { useSubmit } from "./use-submit";

const roles = [
  { value: "viewer", label: "viewer: looks at everything" },
  { value: "operator", label: "operator: changes tasks and clients too" },
  { value: "admin", label: "admin: manages accounts too" },
];

type Act = { act: "role" | "password" | "remove"; of: Account } | { act: "add" };

/** Every operator's account, for admins. */
export function Accounts({ me }: { me: string }) {
  const asked = useAsk("operators", listOperators);
  const [open, setOpen] = useState<Act>();
  const columns = useMemo(
    (): Column<Account>[] => [
      { title: "Name", header: true, cell: (a) => <>{a.name}{a.name === me && <span class="muted"> (you)</span>}</> },
      { title: "Role", class: "w-state", cell: (a) => <Badge>{a.role}</Badge> },
      { title: "Made", class: "w-time", cell: (a) => <Ago at={a.created} /> },
      { title: "Last signed in", class: "w-time", cell: (a) => <Ago at={a.signed_in ?? 0} /> },
      {
        title: "Actions", hideTitle: true, class: "w-actions",
        cell: (a) => (
          <span class="cell-actions">
            <Button size="small" variant="ghost" icon="edit" label={`Change the role of ${a.name}`} onClick={() => setOpen({ act: "role", of: a })} />
            {a.name !== me && <Button size="small" variant="ghost" icon="key" label={`New password for ${a.name}`} onClick={() => setOpen({ act: "password", of: a })} />}
            <Button size="small" variant="ghost" icon="trash" label={`Remove ${a.name}`} onClick={() => setOpen({ act: "remove", of: a })} />
          </span>
        ),
      },
    ],
    [me],
  );
  const close = () => setOpen(undefined);
  const changed = () => {
    asked.refresh();
    if (open && open.act !== "add" && open.of.name === me) void checkSession(); // the own role may be another now
  };
  return (
    <Card title="Accounts" flush actions={<Button size="small" icon="plus" onClick={() => setOpen({ act: "add" })}>Add an account</Button>}>
      <DataTable
        caption="Accounts"
        columns={columns}
        rows={asked.data?.operators ?? []}
        rowKey={(a) => a.name}
        loading={asked.loading && !asked.data}
        error={asked.error}
        retry={asked.refresh}
      />
      {open?.act === "add" && <AddDialog onClose={close} onAdded={changed} />}
      {open?.act === "role" && <RoleDialog of={open.of} onClose={close} onChanged={changed} />}
      {open?.act === "password" && <ResetDialog name={open.of.name} onClose={close} />}
      {open?.act === "remove" && (
        <ConfirmDialog
          title={`Remove ${open.of.name}?`}
          confirm="Remove account"
          danger
          onClose={close}
          onConfirm={async () => {
            await removeOperator(open.of.name);
            toast.good(`${open.of.name} is removed.`);
            changed();
          }}
        >
          <p>Its sessions and API tokens end at once. What it did stays in the records.</p>
        </ConfirmDialog>
      )}
    </Card>
  );
}

function AddDialog({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [password, setPassword] = useState("");
  const form = useSubmit(async () => {
    await addOperator({ name: name.trim(), role, password });
    toast.good(`${name.trim()} is a ${role} now.`);
    onAdded();
    onClose();
  });
  return (
    <FormDialog
      title="Add an account"
      verb="Add account"
      {...form}
      onSubmit={(e) => void form.submit(e, { name: name.trim() === "" && "Give a name.", password: password === "" && "Give a password." })}
      onClose={onClose}
    >
      <TextField name="name" label="Name" required autofocus value={name} onInput={setName} error={form.fields.name} hint="Small letters, digits, dots, dashes and underscores." />
      <SelectField name="role" label="Role" value={role} onChange={setRole} options={roles} error={form.fields.role} />
      <TextField name="password" label="Password" type="password" required autocomplete="new-password" value={password} onInput={setPassword} error={form.fields.password} hint="At least 10 characters. They can change it after they have signed in." />
    </FormDialog>
  );
}

function RoleDialog({ of, onClose, onChanged }: { of: Account; onClose: () => void; onChanged: () => void }) {
  const [role, setRole] = useState<string>(of.role);
  const form = useSubmit(async () => {
    if (role !== of.role) {
      await changeOperator(of.name, { role: role as Role });
      toast.good(`${of.name} has the role ${role} now.`);
      onChanged();
    }
    onClose();
  });
  return (
    <FormDialog title={`Role of ${of.name}`} verb="Change role" {...form} onSubmit={(e) => void form.submit(e)} onClose={onClose}>
      <SelectField name="role" label="Role" value={role} onChange={setRole} options={roles} error={form.fields.role} hint="It holds at once." />
    </FormDialog>
  );
}
