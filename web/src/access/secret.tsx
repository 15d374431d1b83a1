import { CopyButton } from "../ui/copy";
import { Notice } from "../ui/feedback";

/** A line that is to be copied, such as a command or a secret. */
export function Line({ label, text }: { label: string; text: string }) {
  return (
    <div class="secret">
      <p class="secret-label">{label}</p>
      <div class="secret-line">
        <code class="break">{text}</code>
        <CopyButton text={text} label={`Copy: ${label}`} />
      </div>
    </div>
  );
}

/** A secret that is shown this once. */
export function Secret({ label, text }: { label: string; text: string }) {
  return (
    <>
      <Notice tone="warn">
        <p>It is shown this once: copy it now.</p>
      </Notice>
      <Line label={label} text={text} />
    </>
  );
}
