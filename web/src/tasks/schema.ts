// Checks a request against the JSON Schema that the service itself uses: the
// keywords that AGATA's schemas have. What is unknown here is left to the service.

export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  items?: Schema;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
}

/** Messages by the property's name; empty when all is well. */
export type Messages = Record<string, string>;

/**
 * Checks an object. `patterns` says in words what a property's pattern wants.
 */
export function check(schema: Schema, value: Record<string, unknown>, patterns: Messages = {}): Messages {
  const messages: Messages = {};
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) messages[name] = "This is needed.";
  }
  for (const [name, v] of Object.entries(value)) {
    if (v === undefined) continue;
    const property = schema.properties?.[name];
    if (!property) {
      if (schema.additionalProperties === false) messages[name] = "The cloud does not know this.";
      continue;
    }
    const message = fault(property, v, patterns[name]);
    if (message) messages[name] = message;
  }
  return messages;
}

function fault(schema: Schema, value: unknown, pattern: string | undefined): string | undefined {
  switch (schema.type) {
    case "string":
      return typeof value === "string" ? text(schema, value, pattern) : "This is to be a text.";
    case "integer":
    case "number":
      return typeof value === "number" && !Number.isNaN(value) ? figure(schema, value) : "This is to be a number.";
    case "boolean":
      return typeof value === "boolean" ? undefined : "This is to be yes or no.";
    case "array": {
      if (!Array.isArray(value)) return "This is to be a list.";
      if (schema.maxItems !== undefined && value.length > schema.maxItems) return `At most ${schema.maxItems} are possible; these are ${value.length}.`;
      for (const item of value) {
        const message = schema.items && fault(schema.items, item, pattern);
        if (message) return `${String(item)}: ${message}`;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

function text(schema: Schema, value: string, pattern: string | undefined): string | undefined {
  const length = [...value].length; // as the schema counts: characters, not UTF-16 units
  if (schema.minLength !== undefined && length < schema.minLength) {
    return length === 0 ? "This is needed." : `At least ${schema.minLength} characters are needed.`;
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) return `At most ${schema.maxLength} characters are possible; these are ${length}.`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    if (value === "") return "This is needed.";
    return pattern ?? `This does not have the form ${schema.pattern}.`;
  }
  return undefined;
}

function figure(schema: Schema, value: number): string | undefined {
  if (schema.type === "integer" && !Number.isInteger(value)) return "This is to be a whole number.";
  const { minimum: min, maximum: max } = schema;
  if ((min !== undefined && value < min) || (max !== undefined && value > max)) {
    return max === undefined ? `At least ${min}.` : min === undefined ? `At most ${max}.` : `Between ${min} and ${max}.`;
  }
  return undefined;
}
