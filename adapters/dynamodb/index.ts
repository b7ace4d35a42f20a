export { DynamoTable, type DynamoTableOptions } from "./table.ts";
