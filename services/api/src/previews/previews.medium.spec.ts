import { isPreviewPassword } from '@wherry/contract';
import type { Preview } from '@wherry/contract/api';
import { open } from '@wherry/sealing';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publishSealingKey, startApi, type Harness } from '../testing/harness';

let api: Harness;
let number = 0;
let own: SeededTenant;
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  number += 1;
  own = await seedTenant(api.test.url('owner'), `acme${number}`);
  headers = await api.signIn(own.userId);
});

const send = (method: string, path: string, body?: object) =>
  api.send(method, `/v1/tenants/${own.slug}/${path}`, { headers, ...(body ? { body } : {}) });
const list = async () => ((await send('GET', 'previews')).json() as { previews: Preview[] }).previews;
const preview = async () => (await list())[0] as Preview;
const row = async () =>
  (await api.owner<Record<string, unknown>>('select * from environments where id = $1', [own.previewId]))[0]!;
const nameOf = async () => encodeURIComponent(String((await row()).name));

async function deploy(id: string, status: string, trust: string): Promise<void> {
  await api.owner(
    `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
       commit_message, author, status, trust, created_at)
     values ($1, $2, $3, $4, '.', 'refs/pull/1/head', $2, '', 'Change it', 'Ada', $5, $6, clock_timestamp())`,
    [own.tenantId, id, own.previewId, own.repositoryId, status, trust],
  );
}

describe('the list of previews', () => {
  it('has each open preview with its URL, its newest deployment and its lease', async () => {
    expect(await preview()).toMatchObject({
      ...{ id: own.previewId, repository: own.repositoryName, pullRequest: { number: 1 }, branch: null },
      url: `http://pr-1--${own.repositoryName}--${own.slug}.localhost:8080/`,
      ...{ deployment: null, leaseEndsAt: null, hasPassword: false },
    });
    await deploy(`dep_old${number}`, 'retired', 'trusted');
    await deploy(`dep_new${number}`, 'building', 'untrusted');
    expect((await preview()).deployment).toMatchObject({
      ...{ id: `dep_new${number}`, status: 'building', commitMessage: 'Change it', isIsolated: true },
    });
  });

  it('has the preview with the newest deployment first, and the title of a pull request that is known', async () => {
    await api.owner(
      `insert into environments (tenant_id, id, name, kind, repository_id, branch, label, created_at)
       values ($1, $2, 'next', 'preview', $3, 'next', $2, now() + interval '1 minute')`,
      [own.tenantId, `env-next-${number}`, own.repositoryId],
    );
    await api.owner(
      `insert into pull_requests (tenant_id, repository_id, number, title, head_sha, head_ref, base_ref, is_fork, is_draft,
         author_login, author_id, state) values ($1, $2, 1, 'My change', '', '', '', false, false, 'ada', 1, 'open')
       on conflict (tenant_id, repository_id, number) do update set title = 'My change'`,
      [own.tenantId, own.repositoryId],
    );
    expect((await list()).map(({ branch, pullRequest }) => [branch, pullRequest])).toEqual([
      ['next', null],
      [null, { number: 1, title: 'My change' }],
    ]);
  });
});

describe('a preview', () => {
  it('ends once, says who ended it, and is gone from the list', async () => {
    expect((await send('DELETE', `previews/${own.previewId}`)).status).toBe(204);
    expect(await row()).toMatchObject({
      closed_at: expect.any(Date),
      closed_reason: expect.stringContaining('ended it'),
    });
    expect(await list()).toEqual([]);
    for (const [method, path, body] of [
      ['DELETE', '', undefined],
      ['PUT', '/lease', { days: 1 }],
      ['POST', '/password', {}],
      ['DELETE', '/password', undefined],
    ] as const) {
      const reply = await send(method, `previews/${own.previewId}${path}`, body);
      expect([reply.status, reply.json()]).toMatchObject([404, { type: 'urn:wherry:problem:preview.not_found' }]);
    }
  });

  it('is never production', async () => {
    expect((await send('DELETE', `previews/${own.environmentId}`)).status).toBe(404);
    expect((await send('POST', `previews/${own.environmentId}/password`, {})).status).toBe(404);
    const found = await api.owner('select id from environments where closed_at is null and id = $1', [
      own.environmentId,
    ]);
    expect(found).toHaveLength(1);
  });

  it('is kept for as many days as are asked for, at most ninety', async () => {
    const reply = await send('PUT', `previews/${own.previewId}/lease`, { days: 30 });
    const days = (Date.parse((reply.json() as Preview).leaseEndsAt ?? '') - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    for (const wrong of [0, 91, 1.5, '3']) {
      expect((await send('PUT', `previews/${own.previewId}/lease`, { days: wrong })).status).toBe(400);
    }
  });

  it('gets a password of a hundred random bits, of which only a hash is stored, and another one when asked again', async () => {
    const make = async () =>
      (await send('POST', `previews/${own.previewId}/password`, {})).json() as { password: string };
    const { password } = await make();
    expect(password).toMatch(/^([0-9a-hjkmnp-tv-z]{5}-){3}[0-9a-hjkmnp-tv-z]{5}$/);
    const stored = String((await row()).password_hash);
    expect(stored).not.toContain(password);
    expect(isPreviewPassword(password, stored)).toBe(true);
    expect((await preview()).hasPassword).toBe(true);
    const { password: another } = await make();
    expect(another).not.toBe(password);
    expect(isPreviewPassword(password, String((await row()).password_hash))).toBe(false);
    const audited = await api.owner('select details::text from audit_log where tenant_id = $1', [own.tenantId]);
    expect(JSON.stringify(audited)).not.toContain(another);
  });

  it('is open again without its password, also when it had none', async () => {
    await send('POST', `previews/${own.previewId}/password`, {});
    for (let times = 0; times < 2; times += 1) {
      expect((await send('DELETE', `previews/${own.previewId}/password`)).status).toBe(204);
      expect((await row()).password_hash).toBeNull();
    }
  });
});

describe('the settings of a preview', () => {
  it('are its own: a secret is sealed for it alone, and production does not see it', async () => {
    const pair = await publishSealingKey(api);
    const at = `environment=${await nameOf()}`;
    expect((await send('PUT', `secrets/of-preview?${at}`, { value: 'canary' })).status).toBe(200);
    expect((await send('PUT', `variables/runtime/OF_PREVIEW?${at}`, { value: 'x' })).status).toBe(200);
    const [stored] = await api.owner<{ environment_id: string; key_id: string; sealed: Buffer }>(
      `select * from secrets where name = 'of-preview' and tenant_id = $1`,
      [own.tenantId],
    );
    const place = { tenantId: own.tenantId, environmentId: own.previewId, name: 'of-preview', version: 1 };
    const sealed = { keyId: stored!.key_id, sealed: stored!.sealed };
    expect(Buffer.from(await open([pair], sealed, place)).toString()).toBe('canary');
    for (const what of ['secrets', 'variables']) {
      expect((await send('GET', `${what}?${at}`)).text.toLowerCase()).toMatch(/of[-_]preview/);
      expect((await send('GET', what)).text.toLowerCase()).not.toMatch(/of[-_]preview/);
      expect((await send('GET', `${what}?${at}`)).text).not.toContain(own.variableName);
    }
    expect((await send('DELETE', 'secrets/of-preview')).status).toBe(404);
    expect((await send('DELETE', `secrets/of-preview?${at}`)).status).toBe(204);
    expect((await send('DELETE', `variables/runtime/OF_PREVIEW?${at}`)).status).toBe(204);
  });

  it.each(['secrets', 'variables', 'functions'])(
    'of one that is closed, unknown or of another tenant are missing alike: %s',
    async (what) => {
      const theirs = await seedTenant(api.test.url('owner'), `theirs${number}`);
      await api.owner('update environments set name = $1 where id = $2', ['of theirs', theirs.previewId]);
      const closed = await nameOf();
      await send('DELETE', `previews/${own.previewId}`);
      for (const name of [closed, 'of%20theirs', 'nothing']) {
        const reply = await send('GET', `${what}?environment=${name}`);
        expect([reply.status, reply.json()]).toMatchObject([404, { type: 'urn:wherry:problem:environment.not_found' }]);
      }
    },
  );
});

describe('the functions of a preview', () => {
  beforeEach(async () => {
    await api.owner(
      `insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir) values ($1, $2, $3, $4, $5, '.')`,
      [own.tenantId, `fn_preview${number}`, own.previewId, own.functionName, own.repositoryId],
    );
  });

  it('are listed apart from those of production with the same name, each with its own URL', async () => {
    const listOf = async (query: string) => {
      const { functions } = (await send('GET', `functions${query}`)).json() as {
        functions: { id: string; url: string }[];
      };
      return functions.map(({ id, url }) => [id, url]);
    };
    const path = `localhost:8080/${own.functionName}/`;
    expect(await listOf('')).toEqual([[own.functionId, `http://${own.slug}.${path}`]]);
    expect(await listOf(`?environment=${await nameOf()}`)).toEqual([
      [`fn_preview${number}`, `http://pr-1--${own.repositoryName}--${own.slug}.${path}`],
    ]);
  });

  it('are called on the host of the preview', async () => {
    const path = `functions/${own.functionName}/invocations`;
    expect((await send('POST', `${path}?environment=${await nameOf()}`, {})).status).toBe(200);
    expect(api.gateway.calls.at(-1)?.host).toBe(`pr-1--${own.repositoryName}--${own.slug}.localhost:8080`);
    await send('POST', path, {});
    expect(api.gateway.calls.at(-1)?.host).toBe(`${own.slug}.localhost:8080`);
  });

  it('have revisions, logs and usage of their own', async () => {
    const at = `environment=${await nameOf()}`;
    for (const what of ['', '/revisions', '/logs', '/usage']) {
      const there = await send('GET', `functions/${own.functionName}${what}?${at}`);
      expect([what, there.status]).toEqual([what, 200]);
      expect(there.text).not.toContain(`private-${own.slug}"`);
    }
    expect((await send('GET', `functions/${own.functionName}/logs`)).text).toContain(`private-${own.slug}`);
    expect((await send('GET', `functions/${own.functionName}/logs?${at}`)).text).not.toContain(`private-${own.slug}`);
  });

  it('are found among the deployments by the name of the environment', async () => {
    await deploy(`dep_p${number}`, 'live', 'trusted');
    const idsOf = async (query: string) => {
      const { deployments } = (await send('GET', `deployments${query}`)).json() as { deployments: { id: string }[] };
      return deployments.map(({ id }) => id);
    };
    expect(await idsOf(`?environment=${await nameOf()}`)).toEqual([`dep_p${number}`]);
    expect(await idsOf('?environment=production')).toEqual([own.deploymentId]);
    expect(await idsOf('')).toHaveLength(2);
  });

  it('are rolled back without holding the preview there, and not any more when it is closed', async () => {
    await api.owner('delete from pins where tenant_id = $1', [own.tenantId]);
    await deploy(`dep_r${number}`, 'retired', 'trusted');
    await api.owner(
      `insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config, config_hash)
       select tenant_id, $2, $3, 1, $4, '', '', config, '' from revisions where tenant_id = $1 limit 1`,
      [own.tenantId, `rev_r${number}`, `fn_preview${number}`, `dep_r${number}`],
    );
    await api.owner(
      `insert into deployment_functions (tenant_id, deployment_id, name, status, revision_id) values ($1, $2, $3, 'built', $4)`,
      [own.tenantId, `dep_r${number}`, own.functionName, `rev_r${number}`],
    );
    const detail = async () => (await send('GET', `deployments/dep_r${number}`)).json();
    expect(await detail()).toMatchObject({
      functions: [{ url: expect.stringContaining(`pr-1--${own.repositoryName}`) }],
      rollback: { isPossible: true },
    });
    expect((await send('POST', `deployments/dep_r${number}/rollback`, {})).status).toBe(202);
    expect(await api.owner('select * from pins where tenant_id = $1', [own.tenantId])).toEqual([]);
    await api.owner('delete from releases where deployment_id = $1', [`dep_r${number}`]);
    await send('DELETE', `previews/${own.previewId}`);
    expect(await detail()).toMatchObject({
      rollback: { isPossible: false, reason: expect.stringContaining('closed') },
    });
    expect((await send('POST', `deployments/dep_r${number}/rollback`, {})).status).toBe(409);
  });
});
