/** Where people see what they are told of. */
export type FeedbackAddresses = Readonly<{
  /** Without a slash at the end. */
  consoleUrl: string;
  /** The data plane's protocol and port. */
  gatewayUrl: string;
  /** `<label>.<appsDomain>` is an environment's host. */
  appsDomain: string;
}>;

/** The deployment's page in the console. */
export function deploymentUrl({ consoleUrl }: FeedbackAddresses, deploymentId: string): string {
  return `${consoleUrl}/deployments/${deploymentId}`;
}

/** Where an environment answers, without a slash at the end. */
export function environmentUrl({ gatewayUrl, appsDomain }: FeedbackAddresses, label: string): string {
  const { protocol, port } = new URL(gatewayUrl);
  return `${protocol}//${label}.${appsDomain}${port === '' ? '' : `:${port}`}`;
}

/** A function's own address: the function `index` answers at the root. */
export function functionUrl(addresses: FeedbackAddresses, label: string, name: string): string {
  const base = environmentUrl(addresses, label);
  return name === 'index' ? `${base}/` : `${base}/${name}/`;
}
