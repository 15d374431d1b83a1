import { moment } from "../../ui/format";

/** Until when a quarantine holds, in words; one after a failure of the task's own has no end (0 or less). */
export const untilText = (until: number): string => (until > 0 ? `until ${moment(until)}` : "until it is released");
