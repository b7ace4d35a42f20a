/** The text of a claim's log, or a piece of it that ends with a line, as lines. Apps' functions write it: it is not trusted. */
import { type TaskLogLine, taskLogLine } from "../contracts/task-log.ts";

/** What is no line (the head, and whatever else may be there) is left out. */
export function logLines(text: string): TaskLogLine[] {
  return text.split("\n").flatMap((line) => {
    const parsed = line === "" ? undefined : taskLogLine.safeParse(asJson(line));
    return parsed?.success ? [parsed.data] : [];
  });
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // no line of ours
  }
}
