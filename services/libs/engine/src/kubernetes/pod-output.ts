import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterClient, isStatus, names, type Pod, podLog } from '@wherry/cluster';
import type { FunctionLogLine } from '../engine';
import type { Clock } from '../clock';
import { LogParser, maxLineBytes } from '../log-parser';
import { Wake } from '../wake';
import type { Needles } from './observe-pod';
import { containerName } from './render';

export type PodOutputSurroundings = Readonly<{
  client: ClusterClient;
  clock: Clock;
  origin: Pick<FunctionLogLine, 'tenantId' | 'revisionId' | 'replicaId'>;
  /** Waits until it is known what must not be shown; null: it never will be. */
  needles: () => Promise<Needles>;
  onLines: () => void;
  onError: (error: unknown) => void;
}>;

const maxQueued = 5000;
/** What one pod may have shipped in the long run, and at once: all tenants share the database that it goes to. */
const bytesPerSecond = 128 * 1024;
const burstBytes = 8 * 2 ** 20;
const retryMs = 1000;
/** A node that is gone never ends the stream of its pod's output. */
const lastWordsMs = 5000;

/** Lines of one pod on their way: kubelet → queue → shipped. The pod's annotation says how far they were shipped. */
export class PodOutput {
  readonly done: Promise<void>;
  private readonly ended = new AbortController();
  private readonly changed = new Wake();
  private readonly room = new Wake();
  private readonly queue: { line: FunctionLogLine; at: string }[] = [];
  private readAt: string | null;
  private shippedAt: string | null;
  private noted: string | null;
  private isGone = false;
  private isDone = false;
  private hasSaidDropped = false;
  private budgetBytes = burstBytes;
  private budgetAtMs: number;

  constructor(
    private pod: Pod,
    private readonly around: PodOutputSurroundings,
  ) {
    this.noted = this.shippedAt = this.readAt = pod.metadata.annotations?.[names.shipped] ?? null;
    this.budgetAtMs = around.clock.nowMs();
    this.done = this.follow().finally(() => {
      this.isDone = true;
      around.onLines();
    });
  }

  update(pod: Pod): void {
    this.pod = pod;
    this.changed.notify();
  }

  /** The pod does not exist any more: what is still being read is read to its end. */
  gone(): void {
    this.isGone = true;
    this.changed.notify();
    this.around.clock.after(lastWordsMs, () => this.close());
  }

  close(): void {
    this.ended.abort();
  }

  get isFinished(): boolean {
    return this.isDone && this.isGone && this.queue.length === 0;
  }

  peek(count: number): FunctionLogLine[] {
    return this.queue.slice(0, count).map(({ line }) => line);
  }

  shipped(count: number): void {
    this.shippedAt = this.queue.splice(0, count).at(-1)?.at ?? this.shippedAt;
    this.room.notify();
  }

  /** Writes down how far it was shipped, for the next engine. */
  async note(): Promise<void> {
    const { shippedAt, pod } = this;
    if (shippedAt === this.noted || this.isGone) return;
    const { name, namespace } = pod.metadata;
    const patch = { metadata: { annotations: { [names.shipped]: shippedAt } } };
    try {
      await this.around.client.merge({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } }, patch);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
    this.noted = shippedAt;
  }

  private async follow(): Promise<void> {
    const { signal } = this.ended;
    let run = -1;
    while (!signal.aborted) {
      const status = this.pod.status?.containerStatuses?.[0];
      const isRunning = status?.state?.running !== undefined;
      const hasEnded = status?.state?.terminated !== undefined || status?.lastState?.terminated !== undefined;
      const restarts = status?.restartCount ?? 0;
      if (!status || !(isRunning || (hasEnded && run < restarts))) {
        if (this.isGone) return;
        await this.changed.wait(signal);
        continue;
      }
      try {
        if (restarts > run + 1) await this.read(true);
        await this.read(false);
        run = restarts;
      } catch (error) {
        if (signal.aborted || isStatus(error, 404)) return;
        // Bad request: there is no output of that run, or not yet.
        if (isStatus(error, 400)) run = isRunning ? run : restarts;
        else this.around.onError(error);
      }
      if (this.isGone) return;
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async read(isPrevious: boolean): Promise<void> {
    const { client, needles: findNeedles } = this.around;
    const needles = await findNeedles();
    const { namespace, name: pod } = this.pod.metadata;
    const options = {
      ...{ namespace, pod, container: containerName, after: this.readAt, isPrevious },
      maxLineBytes: maxLineBytes(needles ?? []),
      pace: (bytes: number) => this.untilThereIsBudget(bytes),
    };
    try {
      for await (const { at, bytes } of podLog(client, options, this.ended.signal)) {
        await this.untilThereIsRoom();
        this.take(at, bytes, needles);
      }
    } catch (error) {
      if (!isPrevious || !isStatus(error, 400)) throw error;
    }
  }

  private take(at: string, bytes: Buffer, needles: Needles): void {
    this.readAt = at;
    const atMs = Date.parse(at.replace(/(\.\d{3})\d+/, '$1'));
    const add = (more: Pick<FunctionLogLine, 'stream' | 'callId' | 'text'>) =>
      this.queue.push({ at, line: { ...this.around.origin, atMs, ...more } });
    if (needles !== null) {
      const parser = new LogParser(needles, 0);
      for (const { stream, callId, text } of [...parser.push(bytes), ...parser.flush()]) add({ stream, callId, text });
      if (bytes.length === 0) add({ stream: 'stdout', callId: '', text: '' });
    } else if (!this.hasSaidDropped) {
      this.hasSaidDropped = true;
      const text = 'Output was dropped: its secrets are not known any more, so it could not be redacted.';
      add({ stream: 'system', callId: '', text });
    }
    this.around.onLines();
  }

  private async untilThereIsRoom(): Promise<void> {
    const { signal } = this.ended;
    while (this.queue.length >= maxQueued && !signal.aborted) await this.room.wait(signal);
  }

  /** Also of bytes that end no line: reading them costs as much. */
  private async untilThereIsBudget(bytes: number): Promise<void> {
    const { signal } = this.ended;
    const nowMs = this.around.clock.nowMs();
    this.budgetBytes =
      Math.min(burstBytes, this.budgetBytes + ((nowMs - this.budgetAtMs) / 1000) * bytesPerSecond) - bytes;
    this.budgetAtMs = nowMs;
    const waitMs = (-this.budgetBytes / bytesPerSecond) * 1000;
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
