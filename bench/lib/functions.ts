/** The deployed functions, and where they reach the emulator. */
import {
  type FunctionConfiguration,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListFunctionsCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";

/** All that are deployed, of every stack. */
export async function listFunctions(): Promise<readonly FunctionConfiguration[]> {
  const lambda = new LambdaClient({});
  const found: FunctionConfiguration[] = [];
  for (let marker: string | undefined; ; ) {
    const page = await lambda.send(new ListFunctionsCommand({ ...(marker ? { Marker: marker } : {}) }));
    found.push(...(page.Functions ?? []));
    marker = page.NextMarker;
    if (!marker) return found;
  }
}

/**
 * Where a function sends its requests: the emulator gives it its own endpoint unless its environment names one.
 * @param url undefined: the emulator itself
 */
async function setEndpoint(name: string, url: string | undefined): Promise<void> {
  const lambda = new LambdaClient({});
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
  const { AWS_ENDPOINT_URL: _, ...rest } = Environment?.Variables ?? {};
  const Variables = { ...rest, ...(url === undefined ? {} : { AWS_ENDPOINT_URL: url }) };
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Environment: { Variables } }));
}

export interface Route {
  /** Of a function. */
  readonly name: string;
  readonly endpoint: string;
}

/** Sends the functions' requests elsewhere. @returns how to undo it */
export async function redirect(routes: readonly Route[]): Promise<() => Promise<void>> {
  for (const { name, endpoint } of routes) await setEndpoint(name, endpoint);
  return async () => {
    for (const { name } of routes) await setEndpoint(name, undefined);
  };
}
