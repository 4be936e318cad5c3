import { createHmac, randomUUID } from 'node:crypto';
import type { Faults, FaultState } from '../http/faults';
import { renderAccount, renderOrganisation, time } from '../render/account';
import { renderInstallation } from '../render/app';
import { renderRepository } from '../render/repository';
import type { Delivery, Json } from '../scenario';
import type { AppState, InstallationState, RepositoryState } from '../world/types';
import type { World } from '../world/world';
import { generator } from '../world/random';
import { examplePayload } from './examples';

/** GitHub closes the connection after this long. (docs.github.com, "Handling webhook deliveries".) */
const timeoutMs = 10_000;
/** Deliveries older than this can neither be listed nor sent again. (REST: "Webhooks for an app".) */
const keptMs = 3 * 24 * 3_600_000;
const answerBytes = 10_000;
/** Sent whatever the App asked for. */
const unasked = new Set(['installation', 'installation_repositories', 'ping', 'github_app_authorization']);

/** What happened: the fields of the payload that are the event's own, and whom it is about. */
export type Happening = Readonly<{
  event: string;
  action?: string;
  accountId: number;
  senderId: number;
  repository?: RepositoryState;
  /** Only this App hears of it, such as of its own check run's re-run. */
  onlyApp?: number;
  /** The happening is the installation's own. */
  installation?: InstallationState;
  /** Overwrites the example; `undefined` removes a field. */
  payload: Json;
}>;

type Pending = Omit<Delivery, 'status' | 'statusCode' | 'deliveredAt' | 'durationMs'>;
export type StoredDelivery = Delivery & { answer: { headers: Json; body: string }; atMs: number; url: string };

/** Sends what happens to every App that would hear of it, signed, and remembers each delivery as GitHub does. */
export class Webhooks {
  private readonly stored: StoredDelivery[] = [];
  private held: { app: AppState; pending: Pending }[] = [];
  private readonly moving = new Set<Promise<void>>();

  constructor(
    private readonly world: World,
    private readonly faults: Faults,
    private readonly complain: (violation: string) => void,
  ) {}

  /** Every App whose installation reaches it. Returns at once; deliveries are on their way. */
  happened(what: Happening): void {
    for (const installation of this.hearing(what)) {
      const app = this.world.app(installation.appId);
      const payload = { ...this.common(what), ...what.payload, ...installationField(this.world, installation, what) };
      this.send(app, what, payload, installation.id);
    }
  }

  /** The App's own: no installation needed. */
  ping(app: AppState): void {
    const hook = { type: 'App', id: app.hookId, name: 'web', active: true, events: app.events, app_id: app.id };
    const dates = { created_at: time(app.createdAt), updated_at: time(app.createdAt) };
    const config = { content_type: 'json', insecure_ssl: '0', url: app.hookUrl };
    const payload = {
      hook_id: app.hookId,
      hook: { ...hook, ...dates, config },
      repository: undefined,
      organization: undefined,
    };
    this.send(app, { event: 'ping' }, { ...payload, sender: undefined }, null);
  }

  /** Newest first, without those that are too old. */
  kept(appId?: number): StoredDelivery[] {
    const oldest = this.world.now() - keptMs;
    return this.stored.filter((one) => one.atMs >= oldest && (appId ?? one.appId) === one.appId).reverse();
  }

  /** The same bytes and GUID again, as a delivery of its own. */
  redeliver(delivery: StoredDelivery): void {
    const app = this.world.app(delivery.appId);
    const headers = sign(app, delivery.headers, delivery.body);
    this.track(this.deliver(app, { ...delivery, headers, id: this.world.id('large'), redelivery: true }));
  }

  /** Sends what faults held back, in an order drawn from `seed`. */
  release(seed: number): number {
    this.faults.clearHolding();
    const waiting = shuffled(this.held, seed);
    this.held = [];
    for (const { app, pending } of waiting) this.track(this.attempt(app, pending));
    return waiting.length;
  }

  async settled(): Promise<void> {
    while (this.moving.size > 0) await Promise.all(this.moving);
  }

  private hearing(what: Happening): InstallationState[] {
    return [
      ...this.world.installations.values(),
      ...(what.installation === undefined ? [] : [what.installation]),
    ].filter((installation, index, all) => {
      if (all.indexOf(installation) !== index) return false;
      if (what.installation !== undefined) return installation === what.installation;
      if (installation.accountId !== what.accountId || installation.suspendedAt !== null) return false;
      if (what.onlyApp !== undefined && installation.appId !== what.onlyApp) return false;
      if (what.repository === undefined || what.repository.ownerId !== installation.accountId) return true;
      return installation.selection === 'all' || installation.repositoryIds.has(what.repository.id);
    });
  }

  private common(what: Happening): Json {
    const account = this.world.accountById(what.accountId);
    return {
      sender: renderAccount(this.world, this.world.accountById(what.senderId)),
      repository: what.repository === undefined ? undefined : renderRepository(this.world, what.repository),
      organization: account.type === 'User' ? undefined : renderOrganisation(this.world, account),
    };
  }

  private send(
    app: AppState,
    what: Pick<Happening, 'event' | 'action' | 'repository'>,
    payload: Json,
    installationId: number | null,
  ): void {
    if (app.hookUrl === null || !(unasked.has(what.event) || app.events.includes(what.event))) return;
    const action = what.action ?? null;
    const example = examplePayload(what.event, action);
    const body = JSON.stringify({ ...example, ...(action === null ? {} : { action }), ...payload });
    const violation = this.world.description.payloadViolation(what.event, action, JSON.parse(body));
    if (violation !== undefined) this.complain(violation);
    const guid = randomUUID();
    const headers = {
      accept: '*/*',
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/d0ub1e5',
      'x-github-delivery': guid,
      'x-github-event': what.event,
      'x-github-hook-id': String(app.hookId),
      'x-github-hook-installation-target-id': String(app.id),
      'x-github-hook-installation-target-type': 'integration',
    };
    const { event, repository } = what;
    const ids = { id: this.world.id('large'), appId: app.id, installationId, repositoryId: repository?.id ?? null };
    const pending = { ...ids, guid, event, action, redelivery: false, headers: sign(app, headers, body), body };
    this.track(this.deliver(app, pending));
  }

  private track(work: Promise<void>): void {
    const done = work.finally(() => this.moving.delete(done));
    this.moving.add(done);
  }

  private async deliver(app: AppState, pending: Pending): Promise<void> {
    const fault = this.faults.ofDelivery(pending.event, pending.action);
    if (fault?.lose === true) return;
    if (fault?.hold === true) {
      this.held.push({ app, pending });
      return;
    }
    if (fault?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    const copies = Array.from({ length: fault?.duplicate ?? 0 }, () => ({ ...pending, id: this.world.id('large') }));
    await Promise.all([pending, ...copies].map((one) => this.attempt(app, one, fault)));
  }

  private async attempt(app: AppState, pending: Pending, fault?: FaultState): Promise<void> {
    const startedAt = performance.now();
    const url = app.hookUrl ?? '';
    const outcome = failed(fault) ?? (await post(url, pending));
    const atMs = this.world.now();
    const durationMs = Math.round(performance.now() - startedAt);
    const deliveredAt = new Date(atMs).toISOString();
    this.stored.push({ ...pending, ...outcome, atMs, url, durationMs, deliveredAt });
  }
}

type Outcome = Pick<StoredDelivery, 'status' | 'statusCode' | 'answer'>;
const noAnswer = { headers: {}, body: '' };

function failed(fault: FaultState | undefined): Outcome | undefined {
  if (fault?.drop === true) return { status: 'failed to connect to host', statusCode: 502, answer: noAnswer };
  if (fault?.status === undefined) return undefined;
  const status = `Invalid HTTP Response: ${fault.status}`;
  return { status, statusCode: fault.status, answer: { ...noAnswer, body: fault.body ?? '' } };
}

async function post(url: string, pending: Pending): Promise<Outcome> {
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers: pending.headers,
      body: pending.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = (await reply.text()).slice(0, answerBytes);
    const status = reply.ok ? 'OK' : `Invalid HTTP Response: ${reply.status}`;
    return { status, statusCode: reply.status, answer: { headers: Object.fromEntries(reply.headers), body } };
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    if (isLate) return { status: 'timed out', statusCode: 504, answer: noAnswer };
    return { status: 'failed to connect to host', statusCode: 502, answer: noAnswer };
  }
}

/** HMAC-SHA256 over the exact bytes, by the App's secret of this moment. */
function sign(app: AppState, headers: Readonly<Record<string, string>>, body: string): Record<string, string> {
  const sum = (algorithm: string) => createHmac(algorithm, app.webhookSecret).update(body).digest('hex');
  return { ...headers, 'x-hub-signature': `sha1=${sum('sha1')}`, 'x-hub-signature-256': `sha256=${sum('sha256')}` };
}

function installationField(world: World, installation: InstallationState, what: Happening): Json {
  if (what.event === 'installation' || what.event === 'installation_repositories')
    return { installation: renderInstallation(world, installation) };
  const node = Buffer.from(`23:IntegrationInstallation${installation.id}`).toString('base64');
  return { installation: { id: installation.id, node_id: node } };
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = generator(seed);
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
