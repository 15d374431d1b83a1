import { useRef, useState } from "preact/hooks";
import { deleteTask, newKey, stopTask, taskFiles } from "../api/client";
import { useRefusal } from "../access/use-session";
import { useAsk } from "../api/use";
import type { TaskState } from "../api/types";
import { Button } from "../ui/button";
import { ConfirmDialog } from "../ui/dialog";
import { bytes, plural } from "../ui/format";
import { toast } from "../ui/toast";
import { EditDialog } from "./edit-dialog";
import { StartDialog } from "./start-dialog";
import "./tasks.css";

export interface ActedOn {
  ID: string;
  state: TaskState;
}

export type Act = "start" | "stop" | "edit" | "delete";

/** The buttons of what can be done with a task. */
export function TaskButtons({ task, onAct, compact = false }: { task: ActedOn; onAct: (act: Act) => void; compact?: boolean }) {
  const running = task.state === "running";
  const refused = useRefusal("operator");
  if (compact) {
    return (
      <span class="actions compact">
        {running ? (
          <Button size="small" variant="ghost" icon="stop" refused={refused} label={`Stop ${task.ID}`} onClick={() => onAct("stop")} />
        ) : (
          <Button size="small" variant="ghost" icon="play" refused={refused} label={`Start ${task.ID}`} onClick={() => onAct("start")} />
        )}
        <Button size="small" variant="ghost" icon="edit" refused={refused} label={`Edit ${task.ID}`} onClick={() => onAct("edit")} />
        <Button size="small" variant="ghost" icon="trash" refused={refused} label={running ? `Delete ${task.ID}: stop it first` : `Delete ${task.ID}`} disabled={running} onClick={() => onAct("delete")} />
      </span>
    );
  }
  return (
    <span class="actions">
      <Button icon="edit" refused={refused} onClick={() => onAct("edit")}>
        Edit
      </Button>
      <Button icon="trash" refused={refused} disabled={running} {...(running ? { label: "Delete: stop the task first" } : {})} onClick={() => onAct("delete")}>
        Delete
      </Button>
      {running ? (
        <Button icon="stop" refused={refused} variant="primary" onClick={() => onAct("stop")}>
          Stop
        </Button>
      ) : (
        <Button icon="play" refused={refused} variant="primary" onClick={() => onAct("start")}>
          Start
        </Button>
      )}
    </span>
  );
}

export interface TaskDialogProps {
  act: Act;
  task: ActedOn;
  onClose: () => void;
  onChanged: () => void;
  onDeleted?: (() => void) | undefined;
}

/** The dialog of one of the actions; it does it, and tells how it went. */
export function TaskDialog({ act, task, onClose, onChanged, onDeleted }: TaskDialogProps) {
  switch (act) {
    case "start":
      return <StartDialog id={task.ID} onClose={onClose} onStarted={onChanged} />;
    case "edit":
      return <EditDialog id={task.ID} onClose={onClose} onSaved={onChanged} />;
    case "stop":
      return <StopDialog id={task.ID} onClose={onClose} onStopped={onChanged} />;
    case "delete":
      return <DeleteDialog id={task.ID} onClose={onClose} onDeleted={onDeleted ?? onChanged} />;
  }
}

/** The buttons with their dialogs: all that a page about one task needs. */
export function TaskActions({ task, onChanged, onDeleted, compact }: {
  task: ActedOn;
  onChanged: () => void;
  onDeleted?: () => void;
  compact?: boolean;
}) {
  const [act, setAct] = useState<Act>();
  return (
    <>
      <TaskButtons task={task} onAct={setAct} {...(compact ? { compact } : {})} />
      {act && <TaskDialog act={act} task={task} onClose={() => setAct(undefined)} onChanged={onChanged} onDeleted={onDeleted} />}
    </>
  );
}

function StopDialog({ id, onClose, onStopped }: { id: string; onClose: () => void; onStopped: () => void }) {
  const key = useRef(newKey());
  return (
    <ConfirmDialog
      title={`Stop task ${id}?`}
      confirm="Stop task"
      danger
      onClose={onClose}
      onConfirm={async () => {
        await stopTask(id, key.current);
        toast.good(`Task ${id} is stopped.`);
        onStopped();
      }}
    >
      <p>Its server side is asked to end, and is ended by force after 5 seconds. No client is offered the task any more; clients that run it go on until they notice that the server is gone.</p>
      <p class="muted">The task, its files and its history stay; it can be started again, from the beginning.</p>
    </ConfirmDialog>
  );
}

function DeleteDialog({ id, onClose, onDeleted }: { id: string; onClose: () => void; onDeleted: () => void }) {
  const files = useAsk(`files ${id}`, (signal) => taskFiles(id, signal)).data?.files;
  const size = files?.reduce((sum, f) => sum + f.size, 0) ?? 0;
  return (
    <ConfirmDialog
      title={`Delete task ${id}?`}
      confirm="Delete task"
      danger
      onClose={onClose}
      onConfirm={async () => {
        await deleteTask(id);
        toast.good(`Task ${id} is deleted.`);
        onDeleted();
      }}
    >
      <p>
        It deletes the task's settings and {files ? (files.length > 0 ? `its ${plural(files.length, "file")} (${bytes(size)})` : "its folder, which is empty,") : "its files"} at the cloud. This cannot be undone.
      </p>
      <p class="muted">What has happened stays in the history for as long as that is kept. Copies that clients have downloaded stay with them.</p>
    </ConfirmDialog>
  );
}
