import { noNames, type ProbeOutcome } from '@wherry/cluster';
import type { PlatformCheckStore } from '@wherry/db';
import type { Gate } from '../reconcile/world';

export type PolicyGateOptions = Readonly<{
  checks: Pick<PlatformCheckStore, 'read' | 'write'>;
  /** Looks once whether the cluster enforces NetworkPolicies. Never throws. */
  probe: (signal: AbortSignal) => Promise<ProbeOutcome>;
  /** Returns after so many milliseconds, or early when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Epoch milliseconds. */
  now: () => number;
  onOutcome: (outcome: ProbeOutcome) => void;
  onError: (error: unknown) => void;
}>;

export const policyCheck = 'network-policies';
/** Told, and no reason to start nothing: some functions need no names. */
export const namesCheck = 'dns';

const hourMs = 3_600_000;
/** How long a good outcome opens the gate while no newer one can be had. */
const trustedMs = 2 * hourMs;
/** Until the next look after one without names: another setting starts another controller, which looks at once. */
const namesRetryMs = 600_000;
/** Until the next look after one that found nothing out, or something bad. */
const retryMs = 30_000;

/**
 * Lets workloads start only on a cluster that was seen to enforce NetworkPolicies. It is shut until a first outcome is
 * known, which may be that of a controller before this one.
 */
export class PolicyGate {
  private goodAtMs: number | null = null;
  private reason: string | null = null;

  constructor(private readonly options: PolicyGateOptions) {}

  get(): Gate {
    const isGood = this.goodAtMs !== null && this.options.now() - this.goodAtMs < trustedMs;
    return isGood ? { isOpen: true } : { isOpen: false, reason: this.reason };
  }

  /** Looks at once and every hour, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.recall();
    while (!signal.aborted) {
      const outcome = await this.options.probe(signal);
      if (signal.aborted) return;
      this.take(outcome);
      await this.record(outcome);
      await this.options.sleep(pauseAfter(outcome), signal);
    }
  }

  private take(outcome: ProbeOutcome): void {
    if (outcome.isOk) this.goodAtMs = this.options.now();
    // What is not known takes nothing back that is known.
    else if (outcome.isOk === false) this.goodAtMs = null;
    this.reason = outcome.isOk ? null : outcome.detail;
    this.options.onOutcome(outcome);
  }

  private async recall(): Promise<void> {
    try {
      const last = await this.options.checks.read(policyCheck);
      if (last?.isOk) this.goodAtMs = this.options.now() - last.ageMs;
    } catch (error) {
      this.options.onError(error);
    }
  }

  /** An outcome that is not known is written only when it shuts the gate: a good one stays with its time. */
  private async record({ isOk, detail, hasNames }: ProbeOutcome): Promise<void> {
    const { checks } = this.options;
    try {
      if (isOk !== null || !this.get().isOpen) await checks.write({ name: policyCheck, isOk: isOk === true, detail });
      if (hasNames !== undefined)
        await checks.write({ name: namesCheck, isOk: hasNames, detail: hasNames ? 'Names are answered.' : noNames });
    } catch (error) {
      this.options.onError(error);
    }
  }
}

function pauseAfter({ isOk, hasNames }: ProbeOutcome): number {
  if (!isOk) return retryMs;
  return hasNames === false ? namesRetryMs : hourMs;
}
