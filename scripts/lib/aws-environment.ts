/**
 * The environment in which SDKs, the CDK CLI and tests reach an emulator. Credentials and region of the caller are
 * kept when set: LocalStack's presigned links are checked against the secret "test", so that is the default.
 * Profiles are dropped: the CDK CLI prefers them to the variables, and they name a real account.
 */
export function emulatorEnvironment(endpoint: string): NodeJS.ProcessEnv {
  const { AWS_PROFILE: _profile, AWS_DEFAULT_PROFILE: _default, AWS_SESSION_TOKEN: _token, ...rest } = process.env;
  const region = rest.AWS_REGION ?? "us-east-1";
  return {
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    ...rest,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: rest.AWS_ACCESS_KEY_ID ?? "test",
    AWS_SECRET_ACCESS_KEY: rest.AWS_SECRET_ACCESS_KEY ?? "test",
  };
}
