import { JobJobError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/index.ts";
import { AwsJsonError, callAwsJson, type JsonService } from "../shared/aws-json.ts";
import { retrying } from "../shared/retry.ts";

const SECRETS: JsonService = { name: "secretsmanager", target: "secretsmanager", version: "1.1" };
/** As the SDK would: four tries within half a minute, each given up after 10 s. */
const PATIENCE = { tries: 4, baseMs: 100, totalMs: 25_000 };

/** Reads secrets by name or ARN. */
export interface Secrets {
  /** @throws JobJobError SECRET_MISSING, SECRET_UNAVAILABLE (retryable) */
  read(id: string): Promise<string>;
}

export interface SecretsManagerSecretsOptions {
  readonly clock: Clock;
  /** How long a value is kept, in milliseconds; a rotated secret is seen after that. @default 300,000 */
  readonly keepMs?: number;
}

/**
 * Secrets Manager, cached: an authorizer runs on every request, and each read costs money and 20 ms. Of its client
 * the one action that is used here would take 6 KiB of the api function's bundle.
 */
export class SecretsManagerSecrets implements Secrets {
  readonly #kept = new Map<string, { readonly value: Promise<string>; readonly until: number }>();
  readonly #clock: Clock;
  readonly #keepMs: number;

  constructor(options: SecretsManagerSecretsOptions) {
    this.#clock = options.clock;
    this.#keepMs = options.keepMs ?? 300_000;
  }

  async read(id: string): Promise<string> {
    const kept = this.#kept.get(id);
    if (kept && this.#clock.now() < kept.until) return kept.value;
    const value = this.#fetch(id);
    const entry = { value, until: this.#clock.now() + this.#keepMs };
    this.#kept.set(id, entry);
    try {
      return await value;
    } catch (error) {
      // A failure isn't kept: the next call asks again.
      if (this.#kept.get(id) === entry) this.#kept.delete(id);
      throw error;
    }
  }

  async #fetch(id: string): Promise<string> {
    try {
      const { SecretString } = await retrying(
        () => callAwsJson(SECRETS, "GetSecretValue", { SecretId: id }),
        (error) => error instanceof AwsJsonError && error.retryable,
        PATIENCE,
      );
      if (typeof SecretString === "string") return SecretString;
    } catch (cause) {
      const name = cause instanceof AwsJsonError ? cause.reason : "";
      if (
        name !== "ResourceNotFoundException" &&
        name !== "AccessDeniedException" &&
        name !== "InvalidRequestException"
      ) {
        throw new JobJobError({
          code: "SECRET_UNAVAILABLE",
          message: `A secret couldn't be read in time (${name || "no answer"}); try again.`,
          retryable: true,
          cause,
        });
      }
      throw secretMissing(name, cause);
    }
    throw secretMissing("it holds no text");
  }
}

const secretMissing = (why: string, cause?: unknown): JobJobError =>
  new JobJobError({
    code: "SECRET_MISSING",
    message: `A secret of the deployment can't be read (${why}); deploy again, or grant the function the right to read it.`,
    ...(cause === undefined ? {} : { cause }),
  });
