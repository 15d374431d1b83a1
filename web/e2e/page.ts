import type { Page } from "@playwright/test";

/** Collects what the browser complains about: errors, warnings, failed requests. */
export function watchConsole(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`${message.type()}: ${message.text()} (${page.url()})`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message} (${page.url()})`));
  return complaints;
}
