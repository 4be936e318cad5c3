import type { AppsAddress } from '@wherry/domain';

/** Where people see what they are told of. */
export type FeedbackAddresses = Readonly<{
  /** Without a slash at the end. */
  consoleUrl: string;
}> &
  AppsAddress;

/** The deployment's page in the console. */
export function deploymentUrl({ consoleUrl }: FeedbackAddresses, deploymentId: string): string {
  return `${consoleUrl}/deployments/${deploymentId}`;
}
