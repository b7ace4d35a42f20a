import { JobJobError } from "../errors.ts";
import type { RefusalReason } from "./table.ts";

/** A conditional write that did not take effect. A business outcome, not a fault: the caller reads again and decides. */
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
