import { useState } from "preact/hooks";
import { ApiError, getTask, updateTask } from "../api/client";
import { useAsk } from "../api/use";
import type { VersionedTask } from "../api/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ErrorState, Notice, Skeleton } from "../ui/feedback";
import { TextField } from "../ui/field";
import { toast } from "../ui/toast";
import { changed, changeOf, differences, formOf, rebase, type FormField, type TaskForm } from "./changes";
import { ConflictView } from "./conflict-view";
import { CriteriaField } from "./criteria-field";
import { check, type Messages } from "./schema";
import { useSchema } from "./use-schema";

/** Edits what can be changed of a task, and keeps it from overwriting somebody else's change unseen. */
export function EditDialog({ id, onClose, onSaved }: { id: string; onClose: () => void; onSaved: () => void }) {
  const asked = useAsk(`edit ${id}`, (signal) => getTask(id, signal));
  return asked.data ? (
    <Editor id={id} first={asked.data} onClose={onClose} onSaved={onSaved} />
  ) : (
    <Dialog title={`Edit task ${id}`} onClose={onClose} wide>
      {asked.error !== undefined ? <ErrorState error={asked.error} retry={asked.refresh} /> : <Skeleton lines={6} />}
    </Dialog>
  );
}

function Editor({ id, first, onClose, onSaved }: { id: string; first: VersionedTask; onClose: () => void; onSaved: () => void }) {
  const schema = useSchema("rpc_exec_update_task");
  const [base, setBase] = useState(first);
  const [form, setForm] = useState<TaskForm>(() => formOf(first.task));
  const [theirs, setTheirs] = useState<VersionedTask>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [fromCloud, setFromCloud] = useState<Messages>({});
  const [criteriaValid, setCriteriaValid] = useState(true);

  const before = formOf(base.task);
  const change = changeOf(before, form);
  const messages: Messages = { ...fromCloud, ...(schema ? check(schema, { task_id: id, ...change }) : {}) };
  const dirty = changed(before, form).length > 0;
  const ready = dirty && Object.keys(messages).length === 0 && (criteriaValid || change.selection_criteria === undefined);

  const set = (field: FormField) => (value: string) => {
    setForm((f) => ({ ...f, [field]: value }));
    setFromCloud(({ [field]: _, ...rest }) => rest);
  };
  const save = async (over: VersionedTask, wanted: TaskForm) => {
    setBusy(true);
    setError(undefined);
    try {
      await updateTask(id, changeOf(formOf(over.task), wanted), over.etag);
      toast.good(`Task ${id} is saved.`);
      onSaved();
      onClose();
      return;
    } catch (e) {
      if (e instanceof ApiError && e.status === 412) {
        try {
          setTheirs(await getTask(id));
        } catch (again) {
          setError(again);
        }
      } else {
        setError(e);
        if (e instanceof ApiError) setFromCloud(e.fields);
      }
    }
    setBusy(false);
  };
  const text = (field: FormField) => ({ name: field, value: form[field], onInput: set(field), error: messages[field] });

  if (theirs) {
    const latest = formOf(theirs.task);
    const mine = rebase(before, latest, form);
    return (
      <ConflictView
        id={id}
        differences={differences(before, latest, form)}
        busy={busy}
        error={error}
        onClose={onClose}
        onTheirs={() => {
          setBase(theirs);
          setForm(latest);
          setTheirs(undefined);
        }}
        onBack={() => {
          setBase(theirs);
          setForm(mine);
          setTheirs(undefined);
        }}
        onMine={() => void save(theirs, mine)}
      />
    );
  }
  return (
    <Dialog
      title={`Edit task ${id}`}
      wide
      onClose={onClose}
      busy={busy}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button variant="primary" busy={busy} disabled={!ready} onClick={() => void save(base, form)}>
            Save changes
          </Button>
        </>
      }
    >
      <form
        class="stack"
        onSubmit={(e) => {
          e.preventDefault();
          if (ready && !busy) void save(base, form);
        }}
      >
        {base.task.state === "running" && (
          <Notice>
            <p>The task runs. New criteria hold from each client's next request on; all else from the next start on.</p>
          </Notice>
        )}
        <CriteriaField value={form.selection_criteria} onInput={set("selection_criteria")} error={messages.selection_criteria} onVerdict={setCriteriaValid} />
        <TextField {...text("server_arguments")} label="Server arguments" optional mono />
        <TextField {...text("client_arguments")} label="Client arguments" optional mono />
        <div class="form-row">
          <TextField {...text("host")} label="Host" />
          <TextField {...text("port")} label="Port" type="number" />
        </div>
        <div class="form-row even">
          <TextField {...text("username")} label="User name" />
          <TextField {...text("password")} label="Password" type="password" optional autocomplete="new-password" hint={base.task.password_set ? "Empty: it stays as it is." : "None is set."} />
        </div>
        <button type="submit" class="sr-only" tabIndex={-1} aria-hidden="true">
          Save
        </button>
      </form>
      {error !== undefined && <ErrorState error={error} title="It was not saved" />}
    </Dialog>
  );
}
