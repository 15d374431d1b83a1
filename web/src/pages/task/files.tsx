import { useEffect, useMemo, useState } from "preact/hooks";
import { useRefusal } from "../../access/use-session";
import { deleteFile, fileURL, taskFiles } from "../../api/client";
import type { TaskDetail, TaskFile } from "../../api/types";
import { useAsk } from "../../api/use";
import { FileDrop } from "../../tasks/file-drop";
import { UploadsList } from "../../tasks/uploads-list";
import { useUploads } from "../../tasks/use-uploads";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { ConfirmDialog } from "../../ui/dialog";
import { EmptyState, Notice } from "../../ui/feedback";
import { bytes, plural } from "../../ui/format";
import { Card } from "../../ui/page";
import { DataTable, type Column } from "../../ui/table";
import { toast } from "../../ui/toast";

/** The files of a task at the cloud: what is there, what is missing, and changes of both. */
export function FilesTab({ task }: { task: TaskDetail }) {
  const asked = useAsk(`files ${task.ID}`, (signal) => taskFiles(task.ID, signal));
  const uploads = useUploads(task.ID);
  const refused = useRefusal("operator");
  const [doomed, setDoomed] = useState<TaskFile | null>(null);
  const done = uploads.items.filter((i) => i.state === "done").length;
  const { refresh } = asked;
  useEffect(() => {
    if (done > 0) refresh();
  }, [done, refresh]);

  const files = asked.data?.files ?? [];
  const missing = asked.data?.missing ?? [];
  const total = files.reduce((sum, f) => sum + f.size, 0);
  const columns = useMemo(
    (): Column<TaskFile>[] => [
      { title: "File", header: true, cell: (f) => <span class="mono break">{f.path}</span> },
      { title: "Size", align: "right", cell: (f) => bytes(f.size) },
      { title: "For", cell: (f) => (f.client ? <Badge tone="info" icon="download">Clients</Badge> : <span class="muted">server only</span>) },
      { title: "SHA-256", cell: (f) => <code title={f.sha256}>{f.sha256.slice(0, 12)}</code> },
      {
        title: "Actions", hideTitle: true, class: "w-actions",
        cell: (f) => (
          <span class="cell-actions">
            <a class="button ghost small" href={fileURL(task.ID, f.path)} download={f.path.split("/").at(-1)} aria-label={`Download ${f.path}`}>Download</a>
            <Button size="small" variant="ghost" icon="trash" label={`Delete ${f.path}`} refused={refused} onClick={() => setDoomed(f)} />
          </span>
        ),
      },
    ],
    [task.ID, refused],
  );
  return (
    <div class="stack">
      {missing.length > 0 && (
        <Notice tone="warn" title={`${plural(missing.length, "file")} that clients download ${missing.length === 1 ? "is" : "are"} missing`}>
          <p>
            {missing.slice(0, 10).map((m, i) => <span key={m}>{i > 0 && ", "}<code class="break">{m}</code></span>)}
            {missing.length > 10 && ` and ${missing.length - 10} more`}. Drop {missing.length === 1 ? "it" : "them"} below; until then clients cannot fetch the task.
          </p>
        </Notice>
      )}
      <Card title="Upload">
        <div class="stack">
          {task.state === "running" && <p class="muted">The task is running: clients that fetch it from now on get the new files; what runs already goes on with the old ones.</p>}
          {refused ? <p class="muted">{refused}</p> : <FileDrop label="Drop files or folders here, or pick files" hint="A file of the same path is replaced." onFiles={uploads.add} />}
          <UploadsList uploads={uploads} />
        </div>
      </Card>
      <Card title="Files" flush actions={files.length > 0 && <span class="muted num">{plural(files.length, "file")}, {bytes(total)}</span>}>
        <DataTable
          caption={`Files of ${task.ID}`}
          columns={columns}
          rows={files}
          rowKey={(f) => f.path}
          loading={asked.loading && !asked.data}
          error={asked.error}
          retry={asked.refresh}
          empty={
            <EmptyState icon="file" title="No files yet">
              <p>A task needs its program at least: <code>server.py</code> and <code>client.py</code>. Drop them above.</p>
            </EmptyState>
          }
        />
      </Card>
      {doomed && (
        <ConfirmDialog
          title={`Delete ${doomed.path}?`}
          confirm="Delete file"
          danger
          onClose={() => setDoomed(null)}
          onConfirm={async () => {
            await deleteFile(task.ID, doomed.path);
            toast.good(`${doomed.path} was deleted`);
            refresh();
          }}
        >
          <p>
            The file ({bytes(doomed.size)}) is removed from the cloud.
            {doomed.client && " Clients download it: they cannot fetch the task until it is uploaded again."} This cannot be undone.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
