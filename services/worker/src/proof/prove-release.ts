import type { ProofStore, RoutedRelease } from '@wherry/db';
import type { Log } from '@wherry/logging';
import type { Clock } from '../clock';
import type { Identities } from '../identities';
import type { Prober } from './prober';

export type ProofTimes = Readonly<{
  /** How long gateways that are live may take to acknowledge the routes. */
  acknowledgeMs: number;
  /** How long the functions may take to answer a probe as what they are. */
  probeMs: number;
  /** Between two looks at the gateways when nothing is heard. */
  lookMs: number;
}>;

export type ProveReleaseParts = Readonly<{
  store: ProofStore;
  prober: Prober;
  identities: Identities;
  clock: Clock;
  times: ProofTimes;
  log: Log;
}>;

/** Pauses between rounds of probes; the last one repeats. */
const pausesMs = [25, 50, 100, 250, 500];
const probesAtATime = 8;

type Verdict = Readonly<{ kind: 'live' | 'ended' | 'stopped' }> | Readonly<{ kind: 'failed'; reason: string }>;

/**
 * Proves one routed release: every live gateway has acknowledged its version, and each of its functions answers through
 * the gateway as the very revision that was released. Only then it is called live.
 */
export class ProveRelease {
  constructor(private readonly parts: ProveReleaseParts) {}

  /**
   * Returns when the release has ended, or on `stop`; doing it again, or twice at once, is harmless.
   * @param heard aborts and is replaced whenever a gateway acknowledged something.
   */
  async execute(tenantId: string, releaseId: string, heard: () => AbortSignal, stop: AbortSignal): Promise<void> {
    const { store, clock, identities, log } = this.parts;
    const startedAt = clock.now();
    const release = await store.readRouted(tenantId, releaseId);
    if (!release) return;
    const verdict = await this.judge(tenantId, releaseId, release, heard, stop);
    if (verdict.kind === 'live') await store.markLive(tenantId, releaseId);
    else if (verdict.kind === 'failed') {
      await store.markFailed(tenantId, releaseId, verdict.reason, identities.id('release'));
    } else if (verdict.kind === 'stopped') return;
    const durationMs = clock.now() - startedAt;
    const { deploymentId } = release;
    const message = verdict.kind === 'failed' ? verdict.reason : verdict.kind;
    log.write({
      op: 'release.prove',
      ok: verdict.kind !== 'failed',
      tenantId,
      releaseId,
      deploymentId,
      durationMs,
      message,
    });
  }

  private async judge(
    tenantId: string,
    releaseId: string,
    release: RoutedRelease,
    heard: () => AbortSignal,
    stop: AbortSignal,
  ): Promise<Verdict> {
    if (await this.isReplaced(tenantId, releaseId, release)) return { kind: 'ended' };
    const unheard = await this.untilAcknowledged(release.routedVersion, heard, stop);
    if (unheard) return unheard;
    return this.untilProved(tenantId, releaseId, release, stop);
  }

  /** Null when all live gateways serve the version. Waits without end for the first gateway: nothing can be wrong yet. */
  private async untilAcknowledged(
    version: number,
    heard: () => AbortSignal,
    stop: AbortSignal,
  ): Promise<Verdict | null> {
    const { store, clock, times } = this.parts;
    let since: number | null = null;
    while (!stop.aborted) {
      const signal = heard();
      const { liveGateways, behind } = await store.acknowledgement(version);
      if (liveGateways > 0 && behind === 0) return null;
      since = liveGateways > 0 ? (since ?? clock.now()) : null;
      if (since !== null && clock.now() - since > times.acknowledgeMs) {
        const seconds = Math.round(times.acknowledgeMs / 1000);
        const reason = `${behind} of ${liveGateways} gateways did not take over the new routes within ${seconds} s. Redeploy, and tell the operator if it happens again.`;
        return { kind: 'failed', reason };
      }
      await clock.sleep(times.lookMs, AbortSignal.any([signal, stop]));
    }
    return { kind: 'stopped' };
  }

  private async untilProved(
    tenantId: string,
    releaseId: string,
    release: RoutedRelease,
    stop: AbortSignal,
  ): Promise<Verdict> {
    const { clock, times } = this.parts;
    const since = clock.now();
    let waiting = release.functions;
    for (let round = 0; !stop.aborted; round += 1) {
      const answers = await mapInGroups(waiting, probesAtATime, (each) => this.ask(release, each, stop));
      if (stop.aborted) break;
      const wrong = answers.filter((answer) => answer.problem !== null);
      if (wrong.length === 0) return { kind: 'live' };
      waiting = wrong.map((answer) => answer.function);
      if (clock.now() - since > times.probeMs) {
        const seconds = Math.round(times.probeMs / 1000);
        const what = wrong.map((answer) => answer.problem).join(' ');
        return { kind: 'failed', reason: `The gateway did not serve the new code within ${seconds} s. ${what}` };
      }
      await clock.sleep(pausesMs[Math.min(round, pausesMs.length - 1)] ?? 500, stop);
      const now = await this.parts.store.readRouted(tenantId, releaseId);
      if (!now || (await this.isReplaced(tenantId, releaseId, now))) return { kind: 'ended' };
    }
    return { kind: 'stopped' };
  }

  /** A release whose routes a later one moved cannot be proved, and need not be. */
  private async isReplaced(tenantId: string, releaseId: string, release: RoutedRelease): Promise<boolean> {
    if (release.replacedBy === null) return false;
    await this.parts.store.markSuperseded(tenantId, releaseId, release.replacedBy);
    return true;
  }

  private async ask(
    release: RoutedRelease,
    each: RoutedRelease['functions'][number],
    stop: AbortSignal,
  ): Promise<{ function: typeof each; problem: string | null }> {
    try {
      const answer = await this.parts.prober.probe(release, each.name, stop);
      if (answer.status === 200 && answer.revisionId === each.revisionId) return { function: each, problem: null };
      const who = answer.revisionId === null ? 'no revision' : `the revision ${answer.revisionId}`;
      const problem = `"${each.name}" answered ${answer.status} as ${who} instead of ${each.revisionId}.`;
      return { function: each, problem };
    } catch {
      return { function: each, problem: `"${each.name}" did not answer.` };
    }
  }
}

async function mapInGroups<T, R>(items: readonly T[], size: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < items.length; at += size) {
    done.push(...(await Promise.all(items.slice(at, at + size).map(work))));
  }
  return done;
}
