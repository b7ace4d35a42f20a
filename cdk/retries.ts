import { Duration } from "aws-cdk-lib";
import { Errors, JitterType, type RetryProps } from "aws-cdk-lib/aws-stepfunctions";

/**
 * Retries of the workflow's tasks. Step Functions' own names and Lambda's exceptions only: what a handler throws has another
 * name on each engine. Jitter FULL draws each wait from 0 to the number worked out here, so these are the longest.
 */
const THROTTLED = ["Lambda.TooManyRequestsException"];

/**
 * A step's function wasn't started: the account's concurrency is used up, perhaps by our own workers.
 * 1 + 2 + 4 + 8 + 16 + 15 × 30 = 481 s: eight minutes, in which the longest burst of short tasks makes room.
 */
export const THROTTLED_STEP: RetryProps = {
  errors: THROTTLED,
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxDelay: Duration.seconds(30),
  maxAttempts: 20,
  jitterStrategy: JitterType.FULL,
};

/**
 * A step's function died, timed out or threw something retryable (a fault of a service that outlived the SDK's retries).
 * Every step may be called again: the later call takes a new claim. 2 + 4 + 8 + 16 + 30 = 60 s of waits beside five
 * calls; then the job fails, naming the step, and can be requeued from there.
 */
export const FAULTY_STEP: RetryProps = {
  errors: [Errors.ALL],
  interval: Duration.seconds(2),
  backoffRate: 2,
  maxDelay: Duration.seconds(30),
  maxAttempts: 5,
  jitterStrategy: JitterType.FULL,
};

/**
 * claim λ and commit λ: as above, but longer: hundreds of children meet in 32 gates, and a child that gives up costs
 * another round of its batch. 1 + 2 + 4 + 8 + 16 + 5 × 30 = 181 s.
 */
export const FAULTY_CONTROL: RetryProps = {
  errors: [Errors.ALL],
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxDelay: Duration.seconds(30),
  maxAttempts: 10,
  jitterStrategy: JitterType.FULL,
};

/**
 * app λ wasn't started. Nothing else is retried in place, for a worker that died may have written under its claim's keys.
 * 1 + 2 + 4 + 8 + 16 + 32 + 24 × 60 = 1,503 s: 25 minutes, longer than the 15 that other workers can hold the account's
 * concurrency; after that commit judges it like a death.
 */
export const THROTTLED_APP: RetryProps = {
  errors: THROTTLED,
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxDelay: Duration.seconds(60),
  maxAttempts: 30,
  jitterStrategy: JitterType.FULL,
};

/**
 * The Map couldn't read its manifest. A retry of a Map begins anew with all its batches, which is harmless before any child
 * has started (and the claims would sort it out later). 5 + 10 + 20 = 35 s.
 */
export const UNREADABLE_MANIFEST: RetryProps = {
  errors: ["States.ItemReaderFailed"],
  interval: Duration.seconds(5),
  backoffRate: 2,
  maxDelay: Duration.seconds(60),
  maxAttempts: 3,
  jitterStrategy: JitterType.FULL,
};
