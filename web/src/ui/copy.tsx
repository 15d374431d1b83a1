import { Button } from "./button";
import { toast } from "./toast";

/** Copies a text; over plain HTTP, where the clipboard is closed, it selects a copy for the browser to take. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const copy = async () => {
    try {
      if (navigator.clipboard) await navigator.clipboard.writeText(text);
      else copyBySelection(text);
      toast.good("Copied");
    } catch (error) {
      toast.bad("It could not be copied", error);
    }
  };
  return <Button variant="ghost" size="small" icon="copy" label={label} onClick={() => void copy()} />;
}

function copyBySelection(text: string) {
  const area = document.createElement("textarea");
  area.value = text;
  (document.activeElement?.closest("dialog") ?? document.body).append(area); // beside a dialog nothing can be selected
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser does not let this page copy");
}
