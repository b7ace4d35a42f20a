/**
 * Why a record doesn't fit its header, or null when it does. Padding or cutting would put values under wrong names, so a
 * record with another number of fields is a rejected item (its task becomes PARTIAL), and this is the reason.
 */
export function rowProblem(names: readonly string[], fields: readonly string[]): string | null {
  if (fields.length === names.length) return null;
  const count = fields.length === 1 ? "1 field" : `${fields.length} fields`;
  return `${count} where the header has ${names.length}`;
}

/** Makes objects of records that fit the header (`rowProblem` is null): column name → text. */
export function rowFactory(names: readonly string[]): (fields: readonly string[]) => Record<string, string> {
  // Assigning to `__proto__` would set the prototype, or be ignored, rather than make a column.
  const plain = !names.includes("__proto__");
  return (fields) => {
    const row: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i] ?? "";
      const value = fields[i] ?? "";
      if (plain) row[name] = value;
      else Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return row;
  };
}
