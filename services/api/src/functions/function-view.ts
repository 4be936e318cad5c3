import type { FunctionStatus } from '@wherry/contract/api';
import type { ConsoleFunctionRow, ConsoleRevisionRow } from '@wherry/db';
import { functionUrl } from '@wherry/domain';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';

/** A function as the console shows it. Pure. */
export function functionView(
  row: ConsoleFunctionRow,
  at: { settings: ApiSettings; label: string; usageSince: Date },
): OutputOf<'getFunction'> {
  const { id, name, environment, repository, rootDir, ready, starting, crashed } = row;
  const { status, reason } = statusOf(row);
  const least = row.revisionId === null ? 0 : row.config.scale.min;
  return {
    ...{ id, name, environment, repository, rootDir, status, statusReason: reason },
    url: functionUrl(at.settings, at.label, name),
    revision: revisionOf(row),
    replicas: { ready, desired: Math.max(least, ready + starting + crashed) },
    recent: { since: at.usageSince.toISOString(), invocations: row.invocations, errors: row.errors },
    createdAt: row.createdAt.toISOString(),
  };
}

function revisionOf(row: ConsoleFunctionRow): OutputOf<'getFunction'>['revision'] {
  if (row.revisionId === null) return null;
  const createdAt = row.revisionCreatedAt.toISOString();
  return { id: row.revisionId, number: row.revisionNumber, deploymentId: row.revisionDeploymentId, createdAt };
}

/** What a developer wants to know first, from the route, the replicas behind it, and the stack's newest release. */
export function statusOf(
  row: Pick<
    ConsoleFunctionRow,
    'revisionId' | 'ready' | 'starting' | 'crashed' | 'crashReason' | 'releaseStatus' | 'releaseReason'
  >,
): { status: FunctionStatus; reason: string | null } {
  if (row.revisionId === null) {
    const isUnderWay = row.releaseStatus === 'pending' || row.releaseStatus === 'routed';
    return isUnderWay ? { status: 'deploying', reason: null } : { status: 'failed', reason: row.releaseReason };
  }
  if (row.ready > 0) return { status: 'live', reason: null };
  if (row.crashed > 0) return { status: 'crashing', reason: row.crashReason };
  return { status: row.starting > 0 ? 'starting' : 'asleep', reason: null };
}

export function revisionView(row: ConsoleRevisionRow): OutputOf<'listRevisions'>['revisions'][number] {
  const { id, number, deploymentId, commitSha, commitMessage, isServing, artifactDigest, config } = row;
  const { lang, memoryMiB, cpuMillicores, timeoutMs, scale, environment, labels, annotations } = config;
  return {
    ...{ id, number, deploymentId, commitSha, commitMessage, isServing, artifactDigest },
    ...{ lang, memoryMiB, cpuMillicores, timeoutMs, environment, labels, annotations },
    scale: { min: scale.min, max: scale.max, idleSeconds: scale.idleSeconds },
    egress: config.egress?.map(({ cidr, ports }) => ({ cidr, ports: ports ? [...ports] : null })) ?? null,
    callers: [...(config.callers ?? [])],
    calls: [...(config.calls ?? [])],
    secrets: [...config.secrets],
    createdAt: row.createdAt.toISOString(),
  };
}
