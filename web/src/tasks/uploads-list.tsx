import type { ComponentChildren } from "preact";
import { errorText } from "../api/http";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Progress } from "../ui/feedback";
import { bytes } from "../ui/format";
import { Icon } from "../ui/icon";
import type { UploadItem, Uploads } from "./use-uploads";
import "./tasks.css";

/** The files of an upload: each with its progress, and what can be done about a failure. */
export function UploadsList({ uploads, beside }: {
  uploads: Uploads;
  /** At each file, such as a checkbox. */
  beside?: (item: UploadItem) => ComponentChildren;
}) {
  if (uploads.items.length === 0) return null;
  return (
    <ul class="uploads" aria-label="Files">
      {uploads.items.map((item) => (
        <li key={item.path} class="upload">
          <Icon name="file" />
          <div class="upload-main">
            <div class="upload-line">
              <span class="mono break">{item.path}</span>
              <span class="muted num nowrap">{item.state === "sending" ? `${bytes(item.sent)} of ${bytes(item.file.size)}` : bytes(item.file.size)}</span>
            </div>
            {item.state === "sending" && <Progress label={`Upload of ${item.path}`} value={item.sent} max={item.file.size} />}
            {item.state === "failed" && (
              <p class="field-error" role="alert">
                <Icon name="warning" />
                {errorText(item.error)}
              </p>
            )}
            {beside?.(item)}
          </div>
          <div class="upload-actions">
            {item.state === "done" && (
              <Badge tone="good" icon="check">
                Uploaded
              </Badge>
            )}
            {item.state === "failed" && (
              <Button size="small" icon="refresh" onClick={() => uploads.retry(item.path)}>
                Retry
              </Button>
            )}
            {item.state !== "done" && <Button size="small" variant="ghost" icon="cross" label={`Remove ${item.path}`} onClick={() => uploads.remove(item.path)} />}
          </div>
        </li>
      ))}
    </ul>
  );
}
