import { useEffect, useRef, useState } from "preact/hooks";
import { useRefusal } from "../../../access/use-session";
import { ApiError, createTask, newKey } from "../../../api/client";
import { CriteriaField } from "../../../tasks/criteria-field";
import { FileDrop } from "../../../tasks/file-drop";
import type { Messages } from "../../../tasks/schema";
import { UploadsList } from "../../../tasks/uploads-list";
import { useSchema } from "../../../tasks/use-schema";
import { useUploads, type PickedFile } from "../../../tasks/use-uploads";
import { Button, LinkButton } from "../../../ui/button";
import { ErrorState, Notice } from "../../../ui/feedback";
import { Checkbox, TagsField, TextField } from "../../../ui/field";
import { plural } from "../../../ui/format";
import { Card, Page } from "../../../ui/page";
import { AfterCreation } from "./after";
import { emptyDraft, faults, fileRemark, makePassword, requestOf, sentence, type Draft } from "./draft";
import "./new.css";

const labels: Record<string, string> = { task_id: "The id", selection_criteria: "The expression:" };

export default function NewTaskPage() {
  const schema = useSchema("rpc_exec_create_task");
  const refused = useRefusal("operator");
  const [draft, setDraft] = useState<Draft>(() => emptyDraft(location.hostname, makePassword()));
  const [startAfter, setStartAfter] = useState(true);
  const [touched, setTouched] = useState<Set<string>>(new Set());
  const [fromCloud, setFromCloud] = useState<Messages>({});
  const [criteriaValid, setCriteriaValid] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [created, setCreated] = useState<string | null>(null);
  const uploads = useUploads(created);
  const key = useRef<{ body: string; key: string } | undefined>(undefined);
  const form = useRef<HTMLFormElement>(null);

  const picked = uploads.items.map((i) => i.path);
  const request = requestOf(draft, picked);
  const wrong = faults(request, schema);
  const shown = (name: string): string | undefined => {
    const message = fromCloud[name] ?? (touched.has(name) ? wrong[name] : undefined);
    return message && sentence(labels[name] ?? "This", message);
  };
  const set = <F extends keyof Draft>(field: F, value: Draft[F]) => {
    setDraft((d) => ({ ...d, [field]: value }));
    setFromCloud(({ [field]: _, ...rest }) => rest);
  };
  const text = (field: "task_id" | "host" | "port" | "username" | "password" | "server_arguments" | "client_arguments") => ({
    name: field,
    value: draft[field],
    error: shown(field),
    onInput: (value: string) => set(field, value),
    onBlur: () => setTouched((t) => new Set(t).add(field)),
  });

  const addFiles = (files: PickedFile[]) => {
    uploads.add(files);
    // Only client.py is sure to be for clients: whatever else goes to them is the operator's to say.
    if (files.some((f) => f.path === "client.py")) set("forClients", [...new Set([...draft.forClients, "client.py"])]);
  };
  const [complaints, setComplaints] = useState(0);
  useEffect(() => {
    if (complaints > 0) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [complaints]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy || refused) return;
    setTouched(new Set(Object.keys(wrong)));
    setError(undefined);
    if (Object.keys(wrong).length > 0 || !criteriaValid) {
      setComplaints((n) => n + 1);
      return;
    }
    // Sent again after a lost answer, the same task is created once.
    const body = JSON.stringify(request);
    if (key.current?.body !== body) key.current = { body, key: newKey() };
    setBusy(true);
    try {
      await createTask(request, key.current.key);
      setCreated(request.task_id);
      window.scrollTo(0, 0);
    } catch (e) {
      setError(e);
      if (e instanceof ApiError && Object.keys(e.fields).length > 0) {
        setFromCloud(e.fields);
        setComplaints((n) => n + 1);
      }
    }
    setBusy(false);
  };

  if (created !== null) return <AfterCreation id={created} uploads={uploads} start={startAfter} />;

  const remark = fileRemark(picked, [...request.files_paths]);
  const complaint = complaints > 0 && (Object.keys(wrong).length > 0 || !criteriaValid);
  return (
    <Page title="New task" parent={{ href: "/tasks", label: "Tasks" }}>
      <form ref={form} class="stack new-task" noValidate onSubmit={(e) => void submit(e)}>
        {refused && (
          <Notice tone="warn" title="You may not create tasks">
            <p>{refused}</p>
          </Notice>
        )}
        <Card title="What it is">
          <div class="stack">
            <TextField {...text("task_id")} label="Task id" required mono autofocus placeholder="mnist-2" hint="A name for good: it cannot be changed later." />
            <TagsField name="tags" label="Tags" optional values={draft.tags} onChange={(v) => set("tags", v)} error={shown("tags")} placeholder="vision, nightly" hint="Words to find it by. Enter or a comma adds one." />
          </div>
        </Card>
        <Card title="Where its server listens">
          <div class="stack">
            <div class="form-row">
              <TextField {...text("host")} label="Host" required hint="As clients reach it." />
              <TextField {...text("port")} label="Port" required type="number" />
            </div>
          </div>
        </Card>
        <Card title="Who runs it">
          <CriteriaField
            value={draft.selection_criteria}
            error={shown("selection_criteria")}
            onInput={(v) => set("selection_criteria", v)}
            onVerdict={setCriteriaValid}
          />
        </Card>
        <Card title="Files">
          <div class="stack">
            <FileDrop label="Drop files or a folder here, or click to pick files" onFiles={addFiles} hint="server.py runs at the cloud, client.py at each client. They are sent once the task is created." />
            <UploadsList
              uploads={uploads}
              beside={(item) => (
                <Checkbox
                  label={<>Clients download it<span class="sr-only"> ({item.path})</span></>}
                  checked={draft.forClients.includes(item.path)}
                  onChange={(on) => set("forClients", on ? [...draft.forClients, item.path] : draft.forClients.filter((p) => p !== item.path))}
                />
              )}
            />
            {remark !== "" && (
              <Notice tone="warn">
                <p>{remark}</p>
              </Notice>
            )}
            <TagsField name="files_paths" label="Further files for clients" optional mono values={draft.otherForClients} onChange={(v) => set("otherForClients", v)} error={shown("files_paths")} hint="Paths of files that you will upload later." />
            <div class="form-row even">
              <TextField {...text("username")} label="User name" required hint="Clients download the files with this name and password." />
              <div class="password">
                <TextField {...text("password")} label="Password" required type="password" autocomplete="new-password" />
                <Button size="small" onClick={() => set("password", makePassword())}>
                  Make one
                </Button>
              </div>
            </div>
          </div>
        </Card>
        <Card title="Arguments">
          <div class="stack">
            <TextField {...text("server_arguments")} label="Server arguments" optional mono placeholder="--rounds 5" hint="Given to server.py at each start." />
            <TextField {...text("client_arguments")} label="Client arguments" optional mono hint="Given to client.py at each client." />
          </div>
        </Card>
        {error !== undefined && <ErrorState error={error} title="The task was not created" />}
        <div class="form-end">
          <Checkbox label={picked.length > 0 ? "Start it when its files are there" : "Start it (needs files)"} checked={startAfter && picked.includes("server.py")} onChange={setStartAfter} hint={picked.includes("server.py") ? undefined : "Possible once server.py is among the files."} />
          <span class="grow" />
          {complaint && (
            <p class="field-error" role="alert">
              {criteriaValid ? `${plural(Object.keys(wrong).length, "field needs", "fields need")} attention.` : "The selection criteria cannot be used."}
            </p>
          )}
          <LinkButton href="/tasks">Cancel</LinkButton>
          <Button type="submit" variant="primary" busy={busy} refused={refused}>
            Create task
          </Button>
        </div>
      </form>
    </Page>
  );
}
