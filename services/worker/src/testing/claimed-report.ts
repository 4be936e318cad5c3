import type { ClaimedReport, ReportedDeployment, ReportedFunction } from '@wherry/db';

export const addresses = {
  consoleUrl: 'https://console.test',
  gatewayUrl: 'http://gateway.test:8080',
  appsDomain: 'apps.test',
};

const at = Date.UTC(2026, 10, 22, 8, 0, 0);

export function reportedFunction(name: string, more: Partial<ReportedFunction> = {}): ReportedFunction {
  return { name, status: 'built', reason: null, buildMs: 1_234, handler: `./${name}`, ...more };
}

export function reportedDeployment(more: Partial<ReportedDeployment> = {}): ReportedDeployment {
  return {
    ...{ id: 'dep_1', status: 'live', reason: null, isRefused: false },
    ...{ rootDir: '.', ref: 'refs/heads/main', commitSha: 'a'.repeat(40) },
    ...{ notes: [], createdAtMs: at, startedAtMs: at + 1_000, finishedAtMs: at + 6_000 },
    functions: [reportedFunction('hello')],
    ...more,
  };
}

type More = Readonly<{
  deployment?: Partial<ReportedDeployment>;
  environment?: Partial<ClaimedReport['environment']>;
  report?: Partial<ClaimedReport['report']>;
  lines?: ClaimedReport['lines'];
  isGone?: boolean;
}>;

/** A report of a production deployment that is live, and that nobody was told of; and what is different about it. */
export function claimedReport({
  deployment = {},
  environment = {},
  report = {},
  lines = [],
  isGone = false,
}: More = {}): ClaimedReport {
  return {
    deployment: reportedDeployment(deployment),
    environment: {
      ...{ id: 'env_1', isPreview: false, label: 'acme', pullRequest: null, branch: null },
      ...{ isClosed: false, closedReason: null, ...environment },
    },
    repository: {
      ...{ id: 'rep_1', fullName: 'acme/shop', githubId: 77, installationId: 5, settings: {}, isConnected: true },
    },
    report: {
      ...{ checkRunId: null, githubDeploymentId: null, told: {}, failures: 0, failingSinceMs: null, isFirst: true },
      ...report,
    },
    isGone,
    phase: 'live',
    lease: '2026-11-22 08:00:00+00',
    lines,
  };
}
