/** A body as text that is the same for the same content: keys sorted at every depth. */
export function fingerprintOf(body: unknown): string {
  if (Array.isArray(body)) return `[${body.map(fingerprintOf).join(",")}]`;
  if (typeof body !== "object" || body === null) return JSON.stringify(body) ?? "null";
  const fields = Object.entries(body).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${fingerprintOf(value)}`).join(",")}}`;
}
