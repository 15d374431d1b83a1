import { useAsk } from "../api/use";
import { schema as askSchema } from "../api/client";
import type { Schema } from "./schema";

/** The schema of a function's request; undefined while it loads, or when it could not be had. */
export function useSchema(name: string): Schema | undefined {
  return useAsk(name, (signal) => askSchema(name, signal)).data as Schema | undefined;
}

/** In words, what the patterns of the schemas of tasks want. */
export const patternsInWords = {
  task_id: "Letters, digits, dots, dashes and underscores only; a letter or a digit first; at most 128.",
};
