import type { Deployment, DeploymentDetail } from '@wherry/contract/api';
import type { ConsoleDeploymentDetailRow, ConsoleDeploymentRow, ConsoleReleaseRow } from '@wherry/db';
import { environmentLabel, functionUrl } from '@wherry/domain';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import { whyNotRestorable } from './why-not-restorable';

export function deploymentView(row: ConsoleDeploymentRow): Deployment {
  const { id, repository, rootDir, environment, ref, commitSha, commitMessage, author } = row;
  const { status, reason, supersededBy, isPinned, isCancelRequested } = row;
  return {
    ...{ id, repository, rootDir, environment, ref, commitSha, commitMessage, author },
    ...{ status, reason, supersededBy, isPinned, isCancelRequested },
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

export function deploymentDetailView(
  row: ConsoleDeploymentDetailRow,
  settings: ApiSettings,
  slug: string,
): DeploymentDetail {
  const why = whyNotRestorable(row);
  const label = environmentLabel({ tenantSlug: slug, label: row.environmentLabel });
  return {
    ...deploymentView(row),
    functions: row.functions.map(({ name, status, reason, revisionId, revisionNumber, buildMs }) => ({
      ...{ name, status, reason, buildMs },
      revision: revisionId === null ? null : { id: revisionId, number: revisionNumber ?? 0 },
      url: functionUrl(settings, label, name),
    })),
    notes: notesOf(row.notes),
    releases: row.releases.map(releaseView),
    rollback: { isPossible: why === null, reason: why },
  };
}

export function releaseView(row: ConsoleReleaseRow): OutputOf<'rollbackToDeployment'> {
  const { id, deploymentId, kind, status, reason, requestedBy } = row;
  const createdAt = row.createdAt.toISOString();
  return {
    id,
    deploymentId,
    kind,
    status,
    reason,
    requestedBy,
    createdAt,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

/** Notes are a list of sentences; whatever else stands there is not for people. */
function notesOf(notes: unknown): string[] {
  return Array.isArray(notes) ? notes.filter((note) => typeof note === 'string') : [];
}
