const HIDDEN = "[hidden]";
/** Names of fields whose value is a credential. A bare `key` is an object's key in S3 and is shown. */
const SECRET_NAME =
  /(api|access|secret|private|signing|session|encryption)[-_]?key|secret|token|authorization|passw(or)?d|credential|cookie|signature/i;
/** Credentials within texts: AWS key ids, API keys of ours, JWTs, bearer tokens, the signed part of a link. */
const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g, HIDDEN],
  [/\bjj_[\w-]{16,}/g, HIDDEN],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${HIDDEN}`],
  [
    /([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId|token|sig)=)[^&\s"']+/gi,
    `$1${HIDDEN}`,
  ],
];
/** Longer texts are cut; CloudWatch refuses events over 256 KB. */
const MAX_TEXT = 4_000;
const MAX_DEPTH = 8;

/** A copy that is safe to log: credentials hidden, long texts cut, cycles and depth bounded. */
export function redact(value: unknown): unknown {
  return copy(value, new Set(), 0);
}

function copy(value: unknown, above: ReadonlySet<object>, depth: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value) || depth >= MAX_DEPTH) return "[…]";
  const path = new Set(above).add(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    return copy({ ...value, name, message, stack, ...(cause === undefined ? {} : { cause }) }, path, depth + 1);
  }
  if (Array.isArray(value)) return value.map((entry) => copy(entry, path, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      SECRET_NAME.test(name) && entry !== null && entry !== undefined ? HIDDEN : copy(entry, path, depth + 1),
    ]),
  );
}

function redactText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
  return SECRET_TEXT.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), cut);
}
