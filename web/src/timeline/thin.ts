/** Marks of one lane that fall onto the same few pixels. */
export interface Cluster<T> {
  /** Pixels. */
  x: number;
  /** What is shown of it: the one that matters most. */
  item: T;
  count: number;
}

/**
 * Joins items that are nearer to each other than `gap` pixels. Items must be
 * sorted by place. `weight` says which of them is shown: the heaviest, of equals
 * the first.
 */
export function cluster<T>(items: readonly T[], x: (item: T) => number, gap: number, weight: (item: T) => number): Cluster<T>[] {
  const out: Cluster<T>[] = [];
  let begin = -Infinity;
  for (const item of items) {
    const at = x(item);
    const last = out.at(-1);
    if (last && at - begin < gap) {
      last.count++;
      if (weight(item) > weight(last.item)) {
        last.item = item;
        last.x = at;
      }
      continue;
    }
    begin = at;
    out.push({ x: at, item, count: 1 });
  }
  return out;
}

/**
 * Thins a line to at most `most` items (8 or more): of each stretch its first,
 * lowest, highest and last, so that no peak is lost. Items whose value is null
 * are neither low nor high.
 */
export function thinLine<T>(items: readonly T[], value: (item: T) => number | null, most: number): T[] {
  if (items.length <= most) return [...items];
  const stretches = Math.floor(most / 4);
  const out: T[] = [];
  for (let s = 0; s < stretches; s++) {
    const begin = Math.floor((s * items.length) / stretches);
    const end = Math.floor(((s + 1) * items.length) / stretches);
    let [low, high] = [begin, begin];
    for (let i = begin; i < end; i++) {
      if ((value(items[i]!) ?? Infinity) < (value(items[low]!) ?? Infinity)) low = i;
      if ((value(items[i]!) ?? -Infinity) > (value(items[high]!) ?? -Infinity)) high = i;
    }
    for (const i of [...new Set([begin, low, high, end - 1])].sort((a, b) => a - b)) out.push(items[i]!);
  }
  return out;
}
