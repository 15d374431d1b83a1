import { useRef, useState } from "preact/hooks";
import { ApiError, checkCriteria, getTask, newKey, startTask, taskFiles } from "../api/client";
import { useAsk } from "../api/use";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ErrorState, Notice, Skeleton } from "../ui/feedback";
import { TextField } from "../ui/field";
import { toast } from "../ui/toast";
import { Matching } from "./criteria-field";
import { readiness } from "./readiness";

/** Starts a task: what will run, with which arguments, for which clients. */
export function StartDialog({ id, onClose, onStarted }: { id: string; onClose: () => void; onStarted: () => void }) {
  const about = useAsk(`start ${id}`, async (signal) => {
    const [{ task }, files] = await Promise.all([getTask(id, signal), taskFiles(id, signal)]);
    const check = await checkCriteria(task.selection_criteria, signal).catch(() => undefined);
    return { task, check, lacks: readiness(files) };
  });
  const [args, setArgs] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const key = useRef<{ args: string; key: string } | undefined>(undefined);
  const stored = about.data?.task.server_arguments ?? "";
  const now = args ?? stored;

  const start = async (event: Event) => {
    event.preventDefault();
    if (busy || !about.data) return;
    // The same start tried again is one start; with other arguments it is another.
    if (key.current?.args !== now) key.current = { args: now, key: newKey() };
    setBusy(true);
    setError(undefined);
    try {
      await startTask(id, now === stored ? undefined : now, key.current.key);
      toast.good(`Task ${id} runs.`);
      onStarted();
      onClose();
    } catch (e) {
      // After an answer, another try is a new start; without one it may have happened.
      if (!(e instanceof ApiError && e.status === 0)) key.current = undefined;
      setError(e);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={`Start task ${id}`}
      onClose={onClose}
      busy={busy}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button variant="primary" icon="play" busy={busy} disabled={!about.data} onClick={(e) => void start(e)}>
            Start task
          </Button>
        </>
      }
    >
      {about.error !== undefined && !about.data && <ErrorState error={about.error} title="The task could not be read" retry={about.refresh} />}
      {!about.data && about.loading && <Skeleton lines={3} />}
      {about.data && (
        <form class="stack" onSubmit={(e) => void start(e)}>
          <p>
            It starts the task's <code>server.py</code> at the cloud and offers the task to the clients that its criteria let in.
          </p>
          {about.data.check && (
            <p class="muted">
              <Matching check={about.data.check} />
            </p>
          )}
          {about.data.lacks.map((text) => (
            <Notice key={text} tone="warn">
              <p>{text}</p>
            </Notice>
          ))}
          <TextField
            name="arguments"
            label="Server arguments"
            optional
            mono
            lines={2}
            value={now}
            onInput={setArgs}
            hint={now === stored ? "As stored with the task. A change here holds for this start only." : "For this start only; the stored arguments stay as they are."}
          />
        </form>
      )}
      {error !== undefined && <ErrorState error={error} title="The task did not start" />}
    </Dialog>
  );
}
