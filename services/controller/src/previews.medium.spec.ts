import { PreviewStore, ReleaseStore } from '@wherry/db';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Harness, until } from './testing/adapters/harness';

const preview = { environmentId: 'env_pr' };

let h: Harness;
beforeEach(async () => {
  h = await Harness.open();
  await h.gateway('gw');
  await h.preview('env_pr');
});
afterEach(() => h.close());

const close = (reason: string | null = null) =>
  h.sql(`update environments set closed_at = now(), closed_reason = $1 where id = 'env_pr'`, [reason]);
const open = () => h.sql(`update environments set closed_at = null, closed_reason = null where id = 'env_pr'`);
const version = async () => (await h.sql<{ version: string }>('select version::text from routing_version'))[0]?.version;
/** What is left of the preview that could run or be told, as `<table>: <count>`. */
async function left(): Promise<Record<string, number>> {
  const [row] = await h.sql<Record<string, number>>(`select
    (select count(*)::int from routes where environment_id = 'env_pr') as routes,
    (select count(*)::int from functions where environment_id = 'env_pr' and removed_at is null) as functions,
    (select count(*)::int from releases where environment_id = 'env_pr' and status in ('pending', 'routed')) as releases,
    (select count(*)::int from secrets where environment_id = 'env_pr') as secrets,
    (select count(*)::int from variables where environment_id = 'env_pr') as variables,
    (select count(*)::int from pins where environment_id = 'env_pr') as pins`);
  return Object.fromEntries(Object.entries(row ?? {}).filter(([, count]) => count > 0));
}

describe('a preview that is closed', () => {
  it('loses its routes with one version, its functions, secrets and variables; production keeps its own', async () => {
    await h.start();
    const production = await h.live({ one: {}, two: {} });
    const deploymentId = await h.live({ one: {}, two: {} }, preview);
    await h.secret('key', 1, 'of the preview', 'env_pr');
    await h.secret('key', 1, 'of production');
    for (const environment of ['env_pr', 'env_a']) {
      await h.sql(
        `insert into variables (tenant_id, environment_id, kind, name, value) values ('ten_a', $1, 'build', 'A', 'a')`,
        [environment],
      );
    }
    await h.sql(
      `insert into pins (tenant_id, environment_id, repository_id, root_dir, deployment_id)
      values ('ten_a', 'env_pr', 'rep_a', '.', $1)`,
      [deploymentId],
    );
    const before = Number(await version());
    await close('The pull request was merged.');
    await until(async () => Object.keys(await left()).length === 0);
    const reason = 'The preview was closed: The pull request was merged.';
    expect(await h.deploymentRow(deploymentId)).toEqual({ status: 'retired', reason });
    // The replicas that begin to drain may have made more versions meanwhile.
    expect(Number(await version())).toBeGreaterThan(before);
    expect(await h.routes()).toEqual({ fn_one: h.rev('one', production), fn_two: h.rev('two', production) });
    expect(await h.deploymentRow(production)).toMatchObject({ status: 'live' });
    expect(await h.sql(`select environment_id from secrets union all select environment_id from variables`)).toEqual([
      { environment_id: 'env_a' },
      { environment_id: 'env_a' },
    ]);
  });

  it('has its replicas drained before they are stopped', async () => {
    await h.start();
    const deploymentId = await h.live({ one: {} }, preview);
    const revisionId = h.rev('one', deploymentId);
    await close();
    await until(async () => (await h.replicaRows()).some((row) => row.state === 'draining'));
    await h.trafficSeen();
    expect(h.replicas(revisionId)).toHaveLength(1);
    await h.gateway('gw');
    await until(() => h.replicas(revisionId).length === 0);
    expect(h.machine.stoppedUndrained).toEqual([]);
  });

  it('is found by a controller that was away when it was closed', async () => {
    await h.start();
    await h.live({ one: {} }, preview);
    await h.stopControllers();
    await close();
    await h.start();
    await until(async () => Object.keys(await left()).length === 0);
  });

  it('cancels what is being built and what is about to be released into it', async () => {
    const building = await h.deployment({ one: {} }, 'building', preview);
    const releasing = await h.deployment({ two: {} }, 'releasing', preview);
    const releaseId = await h.release(releasing);
    await close('Its lease has ended.');
    await h.start();
    await until(async () => (await h.deploymentRow(releasing))?.status === 'cancelled');
    const reason = 'The preview was closed: Its lease has ended.';
    expect(await h.deploymentRow(releasing)).toMatchObject({ reason });
    expect(await h.releaseRow(releaseId)).toMatchObject({ status: 'superseded', reason });
    await until(async () => Object.keys(await left()).length === 0);
    expect(
      await h.sql(`select cancel_requested_at is not null as is_asked from deployments where id = $1`, [building]),
    ).toEqual([{ is_asked: true }]);
    expect(h.replicas(h.rev('two', releasing))).toEqual([]);
  });

  it('is not routed by a release that became healthy while it was closed', async () => {
    const deploymentId = await h.deployment({ one: {} }, 'releasing', preview);
    const releaseId = await h.release(deploymentId);
    // The step was decided from a world in which the preview was still open.
    await close();
    const outcome = await new ReleaseStore(h.db).route('ten_a', releaseId);
    expect(outcome).toEqual({ kind: 'closed', reason: 'The preview was closed.' });
    expect(await h.routes()).toEqual({});
    expect(await h.sql(`select id from functions where removed_at is null and environment_id = 'env_pr'`)).toHaveLength(
      1,
    );
  });

  it('loses again what comes in late', async () => {
    await h.start();
    await close();
    await h.allSeen();
    const late = await h.deployment({ one: {} }, 'releasing', preview);
    await h.release(late);
    await h.secret('key', 1, 'late', 'env_pr');
    await until(async () => Object.keys(await left()).length === 0);
    expect(await h.deploymentRow(late)).toMatchObject({ status: 'cancelled' });
  });

  it('is left alone when it was opened again before its end began, and serves anew after that', async () => {
    await h.start();
    const deploymentId = await h.live({ one: {} }, preview);
    await open();
    expect(await new PreviewStore(h.db).empty('ten_a', 'env_pr')).toBe(false);
    expect(await h.routes()).toEqual({ 'fn_one-env_pr': h.rev('one', deploymentId) });
    await close();
    await until(async () => Object.keys(await left()).length === 0);
    await open();
    const again = await h.live({ one: {} }, preview);
    expect(await h.routes()).toEqual({ 'fn_one-env_pr': h.rev('one', again) });
    expect(await h.sql(`select id from functions where environment_id = 'env_pr' and removed_at is not null`)).toEqual(
      [],
    );
  });

  it('is never production', async () => {
    await expect(h.sql(`update environments set closed_at = now() where id = 'env_a'`)).rejects.toThrow(
      'only_previews_close',
    );
  });
});

describe('the secrets of a preview', () => {
  const told = async (id: string) => (await h.deploymentRow(id))?.reason ?? '';
  const valueOf = (revisionId: string) => {
    const replica = [...h.machine.replicas.values()].find((it) => it.revisionId === revisionId);
    return replica && [...replica.secrets].map(([name, value]) => `${name}=${Buffer.from(value).toString()}`);
  };
  const release = async (place: { trust?: 'trusted' | 'untrusted' } = {}) => {
    const id = await h.deployment({ one: { secrets: ['key'] } }, 'releasing', { ...preview, ...place });
    const releaseId = await h.release(id);
    await until(async () => (await h.releaseRow(releaseId)).status !== 'pending');
    return id;
  };

  it('are its own; those of production are given only when its repository says so', async () => {
    await h.start();
    await h.secret('key', 1, 'production');
    const without = await release();
    expect(await told(without)).toContain('does not exist in the environment env_pr');
    await h.sql(`update repositories set settings = '{"previews": {"productionSecrets": true}}' where id = 'rep_a'`);
    expect(valueOf(h.rev('one', await release()))).toEqual(['key=production']);
    await h.secret('key', 1, 'preview', 'env_pr');
    expect(valueOf(h.rev('one', await release()))).toEqual(['key=preview']);
  });

  it('are never given to untrusted code, which runs without them', async () => {
    await h.start();
    await h.sql(`update repositories set settings = '{"previews": {"productionSecrets": true}}' where id = 'rep_a'`);
    await h.secret('key', 1, 'production');
    await h.secret('key', 1, 'preview', 'env_pr');
    const id = await release({ trust: 'untrusted' });
    expect(await h.routes()).toEqual({ 'fn_one-env_pr': h.rev('one', id) });
    expect(valueOf(h.rev('one', id))).toEqual([]);
  });
});
