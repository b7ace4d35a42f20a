import type { Changes, Condition, Path, Value } from "../../core/ports/index.ts";

/**
 * Builds DynamoDB's expressions from the port's data. Every name and value goes through a placeholder, so reserved words
 * (`state`, `counts`) and any text are safe. One instance holds the placeholders of one request.
 */
export class Expression {
  readonly #names = new Map<string, string>();
  readonly #values = new Map<string, unknown>();

  path(path: Path): string {
    return path
      .split(".")
      .map((name) => {
        const known = this.#names.get(name) ?? `#n${this.#names.size}`;
        this.#names.set(name, known);
        return known;
      })
      .join(".");
  }

  value(value: Value): string {
    const placeholder = `:v${this.#values.size}`;
    this.#values.set(placeholder, value);
    return placeholder;
  }

  condition(condition: Condition): string {
    if ("all" in condition) return this.#joined(condition.all, " AND ");
    if ("any" in condition) return this.#joined(condition.any, " OR ");
    if ("not" in condition) return `(NOT ${this.condition(condition.not)})`;
    if ("exists" in condition) return `attribute_exists(${this.path(condition.exists)})`;
    if ("missing" in condition) return `attribute_not_exists(${this.path(condition.missing)})`;
    if ("in" in condition) {
      const [path, values] = condition.in;
      return `${this.path(path)} IN (${values.map((value) => this.value(value)).join(", ")})`;
    }
    const [operator, [path, value]] = comparison(condition);
    return `${this.path(path)} ${operator} ${this.value(value)}`;
  }

  update(changes: Changes): string {
    const set = [
      ...entries(changes.set).map(([path, value]) => `${this.path(path)} = ${this.value(value)}`),
      ...entries(changes.setIfMissing).map(([path, value]) => {
        const name = this.path(path);
        return `${name} = if_not_exists(${name}, ${this.value(value)})`;
      }),
      // Not DynamoDB's ADD, which is documented for top-level attributes only.
      ...entries(changes.add).map(([path, amount]) => {
        const name = this.path(path);
        return `${name} = if_not_exists(${name}, ${this.value(0)}) + ${this.value(amount)}`;
      }),
    ];
    const remove = (changes.remove ?? []).map((path) => this.path(path));
    return [
      ...(set.length > 0 ? [`SET ${set.join(", ")}`] : []),
      ...(remove.length > 0 ? [`REMOVE ${remove.join(", ")}`] : []),
    ].join(" ");
  }

  /** The request's placeholder fields; left out when empty, which DynamoDB insists on. */
  placeholders() {
    return {
      ...(this.#names.size > 0
        ? {
            ExpressionAttributeNames: Object.fromEntries(
              [...this.#names].map(([name, placeholder]) => [placeholder, name]),
            ),
          }
        : {}),
      ...(this.#values.size > 0 ? { ExpressionAttributeValues: Object.fromEntries(this.#values) } : {}),
    };
  }

  #joined(parts: readonly Condition[], operator: string): string {
    return `(${parts.map((part) => this.condition(part)).join(operator)})`;
  }
}

type Comparison = Extract<
  Condition,
  { eq: unknown } | { ne: unknown } | { lt: unknown } | { le: unknown } | { gt: unknown } | { ge: unknown }
>;

function comparison(condition: Comparison) {
  if ("eq" in condition) return ["=", condition.eq] as const;
  if ("ne" in condition) return ["<>", condition.ne] as const;
  if ("lt" in condition) return ["<", condition.lt] as const;
  if ("le" in condition) return ["<=", condition.le] as const;
  if ("gt" in condition) return [">", condition.gt] as const;
  return [">=", condition.ge] as const;
}

const entries = <V>(record: Readonly<Record<Path, V>> | undefined): [Path, V][] => Object.entries(record ?? {});
