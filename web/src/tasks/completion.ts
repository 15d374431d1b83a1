// Completing names of attributes in a criteria expression, as it is typed.

export interface Completion {
  /** The word under the caret: text.slice(from, to). */
  from: number;
  to: number;
  /** The names that it may become, best first. */
  options: string[];
}

const most = 8;
const reserved = new Set(["and", "or", "not", "in", "is", "True", "False", "None", "if", "else"]);

/** What the word under the caret may become; no options inside a text, a number or a word that is complete. */
export function complete(text: string, caret: number, names: string[]): Completion {
  const none = { from: caret, to: caret, options: [] };
  if (inText(text.slice(0, caret))) return none;
  const before = /[A-Za-z_]\w*$/.exec(text.slice(0, caret))?.[0] ?? "";
  if (before === "" || /[\w.]$/.test(text.slice(0, caret - before.length))) return none;
  const after = /^\w*/.exec(text.slice(caret))?.[0] ?? "";
  const word = before.toLowerCase();
  const options = names
    .filter((n) => n !== before + after && n.toLowerCase().includes(word))
    .sort((a, b) => rank(a, word) - rank(b, word) || a.localeCompare(b))
    .slice(0, most);
  if (reserved.has(before) || (names.includes(before + after) && after === "")) return none;
  return { from: caret - before.length, to: caret + after.length, options };
}

const rank = (name: string, word: string) => (name.toLowerCase().startsWith(word) ? 0 : 1);

/** Whether a text that ends here ends inside a quoted string. */
function inText(text: string): boolean {
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quote !== "" && c === "\\") i++;
    else if (quote !== "" && c === quote) quote = "";
    else if (quote === "" && (c === '"' || c === "'")) quote = c;
  }
  return quote !== "";
}
