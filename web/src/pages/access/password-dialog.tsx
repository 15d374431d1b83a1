import { useState } from "preact/hooks";
import { changeOperator } from "../../api/client";
import { TextField } from "../../ui/field";
import { toast } from "../../ui/toast";
import { FormDialog } from "./form-dialog";
import { useSubmit } from "./use-submit";

const rule = "At least 10 characters.";

/** Changes the own password, for which the old one is wanted. */
export function OwnPasswordDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const form = useSubmit(async () => {
    await changeOperator(name, { password, old_password: old });
    toast.good("Your password is changed. Your other sessions are over.");
    onClose();
  });
  return (
    <FormDialog
      title="Change your password"
      verb="Change password"
      {...form}
      onSubmit={(e) => void form.submit(e, { old_password: old === "" && "Give your present password.", password: password === "" && "Give a new password." })}
      onClose={onClose}
    >
      <input type="text" name="username" autocomplete="username" value={name} readOnly hidden />
      <TextField name="old_password" label="Present password" type="password" required autofocus autocomplete="current-password" value={old} onInput={setOld} error={form.fields.old_password} />
      <TextField name="password" label="New password" type="password" required autocomplete="new-password" value={password} onInput={setPassword} error={form.fields.password} hint={rule} />
    </FormDialog>
  );
}

/** Gives another's account a new password. */
export function ResetDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const [password, setPassword] = useState("");
  const form = useSubmit(async () => {
    await changeOperator(name, { password });
    toast.good(`${name} has a new password.`);
    onClose();
  });
  return (
    <FormDialog title={`New password for ${name}`} verb="Set password" {...form} onSubmit={(e) => void form.submit(e, { password: password === "" && "Give a password." })} onClose={onClose}>
      <TextField name="password" label="Password" type="password" required autofocus autocomplete="new-password" value={password} onInput={setPassword} error={form.fields.password} hint={rule} />
      <p class="muted">It ends the sessions of {name}, and revokes the API tokens of that account.</p>
    </FormDialog>
  );
}
