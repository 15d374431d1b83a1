import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icon";
import { toast } from "../ui/toast";
import { fromDrop, fromInput } from "./pick";
import type { PickedFile } from "./upload-queue";
import "./tasks.css";

export type { PickedFile };

/** Where files and folders are dropped, or picked by a button. */
export function FileDrop({ label, onFiles, multiple = true, hint }: {
  label: string;
  onFiles: (files: PickedFile[]) => void;
  multiple?: boolean;
  hint?: ComponentChildren;
}) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const give = (files: PickedFile[]) => {
    if (files.length > 0) onFiles(multiple ? files : files.slice(0, 1));
  };
  return (
    <div
      class={`drop${over ? " over" : ""}`}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={(e) => {
        if (!e.currentTarget.contains(e.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        if (e.dataTransfer) fromDrop(e.dataTransfer).then(give, (error: unknown) => toast.bad("The files could not be read", error));
      }}
    >
      <Icon name="upload" />
      <div>
        <label for={id} class="drop-label">
          {label}
        </label>
        {hint && (
          <p class="field-hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
      <input
        ref={input}
        id={id}
        type="file"
        multiple={multiple}
        class="drop-input"
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(e) => {
          const list = e.currentTarget.files;
          try {
            if (list) give(fromInput(list));
          } catch (error) {
            toast.bad("The files could not be taken", error);
          }
          e.currentTarget.value = ""; // so that the same file can be picked again
        }}
      />
    </div>
  );
}
