import type { Key, Write } from "../../core/ports/index.ts";
import { storable } from "../shared/table-values.ts";
import { Expression } from "./expression.ts";

type Put = Extract<Write, { put: unknown }>;
type Update = Extract<Write, { update: unknown }>;
type Delete = Extract<Write, { delete: unknown }>;

const plainKey = ({ pk, sk }: Key) => ({ pk, sk });

export function putOf(write: Put) {
  return { Item: { ...storable(write.put) }, ...guard(write, new Expression()) };
}

export function deleteOf(write: Delete) {
  return { Key: plainKey(write.delete), ...guard(write, new Expression()) };
}

export function updateOf(write: Update) {
  const { changes } = write;
  const expression = new Expression();
  const UpdateExpression = expression.update({
    ...changes,
    ...(changes.set ? { set: storable(changes.set) } : {}),
    ...(changes.setIfMissing ? { setIfMissing: storable(changes.setIfMissing) } : {}),
  });
  return { Key: plainKey(write.update), UpdateExpression, ...guard(write, expression) };
}

/** One write of a transaction. */
export function transactItem(TableName: string, write: Write) {
  if ("put" in write) return { Put: { TableName, ...putOf(write) } };
  if ("update" in write) return { Update: { TableName, ...updateOf(write) } };
  if ("delete" in write) return { Delete: { TableName, ...deleteOf(write) } };
  const expression = new Expression();
  const ConditionExpression = expression.condition(write.if);
  return {
    ConditionCheck: { TableName, Key: plainKey(write.check), ConditionExpression, ...expression.placeholders() },
  };
}

function guard(write: Write, expression: Expression) {
  if (!write.if) return expression.placeholders();
  const ConditionExpression = expression.condition(write.if);
  return { ConditionExpression, ...expression.placeholders() };
}
