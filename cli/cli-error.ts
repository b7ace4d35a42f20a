import { JobJobError } from "../core/errors.ts";

/** Exit codes; the first three are `wait`'s and are never used for anything else. */
export const EXIT = {
  COMPLETE: 0,
  FAILED: 1,
  /** CANCELED or UNRUNNABLE. */
  CANCELED: 2,
  TIMED_OUT: 3,
  /** The command itself failed: wrong usage, no server, refused. */
  ERROR: 4,
  INTERRUPTED: 130,
} as const;

/** What a user can mend on the command line; the message says how. */
export class CliError extends JobJobError {
  constructor(code: string, message: string) {
    super({ code, message });
  }
}
