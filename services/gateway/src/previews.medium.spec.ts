import { hashPreviewPassword, headers, signProbe } from '@wherry/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningGateway } from '../test/adapters/running-gateway';
import { until, type World } from '../test/adapters/world';

const label = 'pr-12--code--acme';
const password = 'a1b2c-d3e4f-g5h6j-k7m8n';
const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });

let gateway: RunningGateway;
let world: World;

beforeEach(async () => {
  gateway = await RunningGateway.create();
  world = gateway.world;
});
afterEach(() => gateway.close());

/** A function whose reply is `text` and the headers that it was given. */
async function live(text: string, name: string, environmentId?: string): Promise<string> {
  const made = await world.function('acme', name, environmentId);
  const revisionId = await world.revision(made);
  await world.replica(made.tenantId, revisionId, (req, res) => res.end(JSON.stringify({ text, headers: req.headers })));
  await world.route(made, revisionId);
  return revisionId;
}

const ask = (host: string, path = '/hello/', more: Record<string, string> = {}) =>
  gateway.call({ host: `${host}.localhost:${gateway.port}`, path, headers: more });
const textOf = async (host: string, path?: string) => {
  const { status, body } = await ask(host, path);
  return status === 200 ? (JSON.parse(body) as { text: string }).text : status;
};
const setPreview = (environmentId: string, change: string, values: unknown[] = []) =>
  world.owner.query(`update environments set ${change} where id = $1`, [environmentId, ...values]);

describe('a preview', () => {
  it('is served under its own label, beside production and other previews with functions of the same name', async () => {
    await live('production', 'hello');
    await live('pull request', 'hello', await world.preview('acme', label));
    await live('branch', 'hello', await world.preview('acme', 'b-next--code--acme'));
    await gateway.start();
    expect(await textOf('acme')).toBe('production');
    expect(await textOf(label)).toBe('pull request');
    expect(await textOf('b-next--code--acme')).toBe('branch');
    const onOwnHost = await gateway.call({ host: `localhost:${gateway.port}`, path: `/function/hello.${label}` });
    expect(onOwnHost.body).toContain('pull request');
    expect(await textOf('pr-13--code--acme')).toBe(404);
  });

  it('is not served from the moment it is closed, and is served again when it is opened again', async () => {
    const preview = await world.preview('acme', label);
    await live('pull request', 'hello', preview);
    await live('production', 'hello');
    await gateway.start();
    expect(await textOf(label)).toBe('pull request');
    await setPreview(preview, 'closed_at = now()');
    await until('the preview is gone', async () => (await textOf(label)) === 404);
    expect(await textOf('acme')).toBe('production');
    await setPreview(preview, 'closed_at = null');
    await until('the preview is back', async () => (await textOf(label)) === 'pull request');
  });

  it('is not served by a gateway that starts when it is closed already', async () => {
    const preview = await world.preview('acme', label);
    await live('pull request', 'hello', preview);
    await setPreview(preview, 'closed_at = now()');
    await gateway.start();
    expect(await textOf(label)).toBe(404);
  });
});

describe('a preview with a password', () => {
  const protect = (given: string | null) => (given === null ? null : hashPreviewPassword(given, Buffer.from('salt')));

  it('takes its password with any user name, and keeps it from the function', async () => {
    await live('pull request', 'hello', await world.preview('acme', label, protect(password)));
    await gateway.start();
    const bare = await ask(label);
    expect(bare).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.stringContaining('Basic ') } });
    expect(bare.body).toContain('dashboard');
    for (const wrong of [`x:${password}x`, 'x:', password, `${password}:x`, '']) {
      expect((await ask(label, '/hello/', basic(wrong))).status).toBe(401);
    }
    for (const authorization of [`Bearer ${password}`, `Basic ${password}`, 'Basic', password]) {
      expect((await ask(label, '/hello/', { authorization })).status).toBe(401);
    }
    for (const user of ['', 'anybody', 'ä']) {
      const reply = await ask(label, '/hello/', { ...basic(`${user}:${password}`), cookie: 'a=1' });
      expect(reply.status).toBe(200);
      const { headers: seen } = JSON.parse(reply.body) as { headers: object };
      expect(seen).toMatchObject({ cookie: 'a=1' });
      expect(seen).not.toHaveProperty('authorization');
    }
  });

  it('does not tell whoever has no password which functions there are', async () => {
    await live('pull request', 'hello', await world.preview('acme', label, protect(password)));
    await gateway.start();
    const [present, missing] = [await ask(label, '/hello/'), await ask(label, '/nothing/')];
    expect([missing.status, missing.body]).toEqual([present.status, present.body]);
    const probe = { [headers.probe]: 'forged' };
    const [probed, probedMissing] = [await ask(label, '/hello/', probe), await ask(label, '/nothing/', probe)];
    expect(probedMissing).toMatchObject({ status: 403, body: probed.body });
  });

  it('is probed by the platform without the password', async () => {
    const revisionId = await live('pull request', 'hello', await world.preview('acme', label, protect(password)));
    await gateway.start();
    const host = `${label}.localhost`;
    const proof = signProbe({ key: 'probe key', sentAtMs: Date.now(), nonce: 'n', host, path: '/hello/' });
    const reply = await gateway.call({ host, path: '/hello/', headers: { [headers.probe]: proof } });
    expect(reply).toMatchObject({ status: 200, headers: { [headers.revision]: revisionId } });
  });

  it('takes the new password as soon as it is changed, and none when it has none any more', async () => {
    const preview = await world.preview('acme', label, protect(password));
    await live('pull request', 'hello', preview);
    await gateway.start();
    const status = async (given: string) => (await ask(label, '/hello/', basic(`x:${given}`))).status;
    expect(await status(password)).toBe(200);
    await setPreview(preview, 'password_hash = $2', [protect('another')]);
    await until('the new password is taken', async () => (await status('another')) === 200);
    expect(await status(password)).toBe(401);
    await setPreview(preview, 'password_hash = null');
    await until('nothing is asked for', async () => (await ask(label)).status === 200);
  });

  it('is closed to everybody when what is stored of its password cannot be read', async () => {
    for (const [number, stored] of ['', 'sha256', 'sha256..', 'md5.a.b', 'sha256.c2FsdA.'].entries()) {
      const environmentId = await world.preview('acme', `${number}--code--acme`, stored);
      await live('pull request', 'hello', environmentId);
    }
    await gateway.start();
    for (let number = 0; number < 5; number += 1) {
      expect((await ask(`${number}--code--acme`, '/hello/', basic('x:'))).status).toBe(401);
    }
  });

  it('does not touch the Authorization header of production', async () => {
    await live('production', 'hello');
    await gateway.start();
    const { body } = await ask('acme', '/hello/', { authorization: 'Bearer mine' });
    expect(JSON.parse(body)).toMatchObject({ headers: { authorization: 'Bearer mine' } });
  });
});
