import { Inject, Injectable } from '@nestjs/common';
import { ConsoleLogStore, type TenantRow } from '@wherry/db';
import { isFinished } from '@wherry/domain';
import { FindDeployments } from '../deployments/find-deployments';
import { topics } from '../http/change-feed';
import type { EventSource, ServerEvent } from '../http/event-streams';
import type { InputOf, OutputOf } from '../http/operation';
import { buildLine, fromCursor, logStart, toCursor } from './log-line';

const batch = 500;

/** Reading and following the log of a deployment's build. */
@Injectable()
export class BuildLogs {
  constructor(
    @Inject(FindDeployments) private readonly deployments: FindDeployments,
    @Inject(ConsoleLogStore) private readonly store: ConsoleLogStore,
  ) {}

  /** @throws DomainError `deployment.not_found` */
  async read(
    tenant: TenantRow,
    deploymentId: string,
    { cursor, limit }: InputOf<'listBuildLog'>['query'],
  ): Promise<OutputOf<'listBuildLog'>> {
    const after = cursor === undefined ? logStart : fromCursor(cursor);
    await this.deployments.get(tenant, deploymentId);
    const rows = await this.store.buildLinesAfter(tenant.id, deploymentId, { after, limit: limit + 1 });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return { lines: shown.map(buildLine), nextCursor: last ? toCursor(last) : null };
  }

  /** Lines, every change of the deployment, and its end. @throws DomainError `deployment.not_found` */
  async follow(
    tenant: TenantRow,
    deploymentId: string,
    query: InputOf<'tailBuildLog'>['query'],
    lastEventId: string | undefined,
  ): Promise<EventSource> {
    const from = lastEventId ?? query.after;
    let after = from === undefined ? logStart : fromCursor(from);
    await this.deployments.get(tenant, deploymentId);
    let told = '';
    return {
      topics: [topics.deployment(deploymentId), topics.releases(tenant.id)],
      read: async () => {
        // The state before the lines: when it is finished, all lines are there.
        const deployment = await this.deployments.get(tenant, deploymentId);
        const rows = await this.store.buildLinesAfter(tenant.id, deploymentId, { after, limit: batch });
        after = rows.at(-1) ?? after;
        const events: ServerEvent[] = rows.map((row) => ({ event: 'line', id: toCursor(row), data: buildLine(row) }));
        const now = JSON.stringify(deployment);
        if (now !== told) events.push({ event: 'deployment', data: deployment });
        told = now;
        const isOver = isFinished(deployment.status) && rows.length < batch;
        if (isOver) events.push({ event: 'end', data: { status: deployment.status } });
        return { events, isOver };
      },
    };
  }
}
