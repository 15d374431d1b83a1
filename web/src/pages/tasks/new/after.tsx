// The task is created: its files go up, then it starts if that was wanted. What
// fails on the way is said, and can be tried again or left for later.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { newKey, startTask } from "../../../api/client";
import { UploadsList } from "../../../tasks/uploads-list";
import type { Uploads } from "../../../tasks/use-uploads";
import { Button, LinkButton } from "../../../ui/button";
import { ErrorState, Notice } from "../../../ui/feedback";
import { plural } from "../../../ui/format";
import { Icon } from "../../../ui/icon";
import { Card, Page } from "../../../ui/page";
import { toast } from "../../../ui/toast";
import { FileDrop } from "../../../tasks/file-drop";

type StepState = "waiting" | "doing" | "done" | "failed" | "left";

export function AfterCreation({ id, uploads, start }: { id: string; uploads: Uploads; start: boolean }) {
  const [, go] = useLocation();
  const href = `/tasks/${encodeURIComponent(id)}`;
  const wanted = start && uploads.items.some((i) => i.path === "server.py");
  const [begun, setBegun] = useState(false);
  const [error, setError] = useState<unknown>();
  const key = useRef(newKey());
  const total = uploads.items.length;
  const done = uploads.items.filter((i) => i.state === "done").length;
  const allThere = done === total;

  const begin = useCallback(async () => {
    setBegun(true);
    setError(undefined);
    try {
      await startTask(id, undefined, key.current);
      toast.good(`Task ${id} is created and runs.`);
      go(href, { replace: true });
    } catch (e) {
      setError(e);
    }
  }, [id, href, go]);

  useEffect(() => {
    if (!allThere) return;
    if (wanted) {
      if (!begun) void begin();
    } else {
      toast.good(`Task ${id} is created.`);
      go(href, { replace: true });
    }
  }, [allThere, wanted, begun, begin, go, href, id]);

  const files: StepState = allThere ? "done" : uploads.running ? "doing" : "failed";
  const starting: StepState = !wanted ? "left" : error !== undefined ? "failed" : begun ? "doing" : "waiting";
  return (
    <Page title={`New task ${id}`} parent={{ href: "/tasks", label: "Tasks" }}>
      <ol class="steps" aria-label="Steps">
        <Step state="done" title="The task is created" />
        {total > 0 && <Step state={files} title={`${done} of ${plural(total, "file")} uploaded`} />}
        {wanted && <Step state={starting} title={starting === "failed" ? "It did not start" : "Start"} />}
      </ol>
      {uploads.failed > 0 && !uploads.running && (
        <Notice
          tone="warn"
          title={`Task ${id} is there, but ${plural(uploads.failed, "file is", "files are")} not`}
          action={
            <Button size="small" variant="primary" icon="refresh" onClick={uploads.retryFailed}>
              Retry {plural(uploads.failed, "file")}
            </Button>
          }
        >
          <p>Retry, remove what is not needed, or go on without: the task can be completed later on its page.{wanted ? " It starts by itself when all files on this list are there." : ""}</p>
        </Notice>
      )}
      {error !== undefined && (
        <>
          <ErrorState error={error} title="The task is there with its files, but it did not start" retry={() => { key.current = newKey(); void begin(); }} />
        </>
      )}
      {total > 0 && (
        <Card title="Files">
          <div class="stack">
            <UploadsList uploads={uploads} />
            {uploads.failed > 0 && <FileDrop label="Drop a replacement here, or click to pick one" onFiles={uploads.add} hint="A file of the same path takes the other's place." />}
          </div>
        </Card>
      )}
      <div class="form-end">
        <span class="grow" />
        <LinkButton href={href} variant={files === "doing" ? "secondary" : "primary"}>
          {files === "doing" ? "Go to the task, giving up what is not uploaded" : "Go to the task"}
        </LinkButton>
      </div>
    </Page>
  );
}

function Step({ state, title }: { state: StepState; title: string }) {
  const words = { waiting: "to come", doing: "under way", done: "done", failed: "failed", left: "left out" }[state];
  return (
    <li class={`step ${state}`}>
      {state === "doing" ? <span class="spinner" aria-hidden="true" /> : <Icon name={state === "done" ? "check" : state === "failed" ? "warning" : "circle"} />}
      {title}
      <span class="sr-only"> ({words})</span>
    </li>
  );
}
