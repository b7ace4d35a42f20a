import { JobJobError } from "../errors.ts";
import type { RefusalReason } from "./table.ts";

/**
 * A conditional write that did not take effect. A business outcome, not a fault: the caller reads again and decides. With
 * conflicts alone it says nothing about the item: whoever doesn't read again must not take it for an answer (`isRefused`).
 */
export class RefusedError extends JobJobError {
  readonly reasons: readonly RefusalReason[];
  constructor(reasons: readonly RefusalReason[]) {
    super({
      code: "WRITE_REFUSED",
      message: `A conditional write was refused (${reasons.join(", ")}).`,
      retryable: reasons.includes("conflict"),
      details: { reasons },
    });
    this.reasons = reasons;
  }
  /** True when write `index` of the transaction failed its own condition. */
  failedAt(index: number): boolean {
    return this.reasons[index] === "condition";
  }
}

/** A condition didn't hold. A mere conflict with another transaction is none: it is thrown on, and a retry mends it. */
export function isRefused(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.reasons.includes("condition");
}
