import type { BuildOrder } from '@wherry/contract';
import type { BuildLease, BuildResultStore, BuildStore, BuiltFunction, ClaimedBuild, ResultOutcome } from '@wherry/db';
import type { Clock } from '../clock';
import type { Identities } from '../identities';
import { type Source, type SourceAccess, SourceRefusedError } from '../source/source';
import type { Artifacts, BuilderRunner } from './builder-runner';
import { configHash, decideResult } from './decide-result';
import type { ImageBuilds } from './image-builds';
import { gather, type LastWord, recordsOf, storable, storableJson } from './event-records';
import { type BuildPolicy, renderOrder } from './render-order';

export type RunBuildParts = Readonly<{
  builds: BuildStore;
  results: BuildResultStore;
  runner: BuilderRunner;
  artifacts: Artifacts;
  source: Source;
  identities: Identities;
  clock: Clock;
  policy: BuildPolicy;
  lease: BuildLease;
  uidOf: (tenantNumber: number) => number;
  /** When functions become images; else they become folders. */
  images?: ImageBuilds;
}>;

/**
 * `released`: it was handed to the controller. `ended`: somebody else ended the deployment. `left`: the builder goes
 * on, and whoever takes the deployment up next continues.
 */
export type BuildEnd = 'released' | 'skipped' | 'failed' | 'cancelled' | 'superseded' | 'ended' | 'left';

/** How long log lines may wait for more of them before they are stored. */
const gatherMs = 75;
/** Builders that may end unexpectedly before the deployment fails. */
const maxLost = 1;
/** Two workers may give a function the same name or number at one moment; one of them tries again. */
const maxResultTries = 3;

const lostReason =
  'The builder ended unexpectedly, twice. Redeploy, and tell the operator of the platform if it happens again.';

/** One build, from its claim to its result. Everything it knows is in the rows, so any worker can go on with it. */
export class RunBuild {
  private build!: ClaimedBuild;
  private offset = 0;
  private token = '';

  constructor(
    private readonly parts: RunBuildParts,
    private readonly tenantId: string,
    private readonly deploymentId: string,
  ) {}

  /** Takes the build. False when it is finished, or another worker has it. */
  async claim(): Promise<boolean> {
    const { builds, identities, lease } = this.parts;
    const token = identities.token();
    const claimed = await builds.claim(this.tenantId, this.deploymentId, lease, { id: token.id, hash: token.hash });
    if (!claimed) return false;
    this.build = claimed;
    this.offset = claimed.offset;
    this.token = token.value;
    return true;
  }

  /**
   * Builds what was claimed.
   * @param stop lets go of the build; the builder goes on.
   * @param ended aborts when the deployment should not be built any more, or is another worker's.
   */
  async execute(stop: AbortSignal, ended: AbortSignal): Promise<BuildEnd> {
    const over = new AbortController();
    this.parts.images?.hold(this.tenantId, this.build.trust, AbortSignal.any([stop, ended, over.signal]));
    try {
      return await this.attempts(stop, ended);
    } finally {
      over.abort();
    }
  }

  private async attempts(stop: AbortSignal, ended: AbortSignal): Promise<BuildEnd> {
    const { builds, runner, policy } = this.parts;
    const either = AbortSignal.any([stop, ended]);
    if (this.build.isCancelRequested) return this.afterEnd();
    for (let attempt = this.build.attempt; ; attempt += 1) {
      const end = (await this.start(either)) ?? (either.aborted ? null : await this.follow(either));
      if (end) return end;
      if (ended.aborted) return this.afterEnd();
      if (stop.aborted) return this.letGo();
      // Another try would need as much again.
      if (await runner.ranOutOfMemory(this.deploymentId)) return this.fail(outOfMemory(policy.limits.memoryMiB));
      await runner.stop(this.deploymentId);
      if (attempt >= maxLost) return this.fail(lostReason);
      if (!(await builds.countLost(this.tenantId, this.deploymentId, attempt))) return this.afterEnd();
    }
  }

  /** Sees to it that there is a builder. Null unless the build ends without one; `signal` may have aborted meanwhile. */
  private async start(signal: AbortSignal): Promise<BuildEnd | null> {
    const { images } = this.parts;
    if (!images) return this.startBuilder();
    const onWait = () => this.note('Starting the build daemon.');
    const prepared = await images.prepare(this.tenantId, this.build.trust, signal, onWait);
    if (prepared === null) return null;
    return prepared.ok ? this.startBuilder(prepared.buildkit) : this.fail(prepared.reason);
  }

  private async startBuilder(buildkit?: BuildOrder['buildkit']): Promise<BuildEnd | null> {
    const { runner, artifacts, source, policy, uidOf } = this.parts;
    const { tenantId, deploymentId, build, token } = this;
    const existing = await artifacts.existing(build.known.map((each) => each.artifactDigest));
    const repository = { tenantSlug: build.tenantSlug, name: build.repositoryName, github: build.github };
    const access = await source.access(repository, token).catch(refusal);
    if (access instanceof SourceRefusedError) return this.fail(access.message);
    const paths = runner.paths(tenantId, deploymentId, build.trust);
    const input = { tenantId, deploymentId, build, source: access, existing, paths, uidOf, buildkit };
    await runner.ensure(deploymentId, renderOrder(policy, input));
    return null;
  }

  /** A line of the worker's own in the build's log. */
  private async note(text: string): Promise<void> {
    const { builds, clock } = this.parts;
    const lines = [[clock.now(), 'system', '', text]] as const;
    const records = { offset: this.offset, lines, functions: [], notes: [] };
    await builds.append(this.tenantId, this.deploymentId, this.offset, records);
  }

  /** Stores what the builder reports. Null when it has gone without a last word, or we were told to stop. */
  private async follow(signal: AbortSignal): Promise<BuildEnd | null> {
    const { runner, clock, builds } = this.parts;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    try {
      const events = runner.events(this.deploymentId, this.offset, until);
      for await (const batch of gather(events, gatherMs, (ms) => clock.sleep(ms, until))) {
        const { records, lastWord } = recordsOf(batch);
        const last = { from: this.offset, records };
        if (lastWord?.type === 'failure') return await this.fail(storable(lastWord.reason), last);
        if (lastWord?.type === 'result') return await this.complete(lastWord, last);
        if (!(await builds.append(this.tenantId, this.deploymentId, this.offset, records))) return this.afterEnd();
        this.offset = records.offset;
      }
      return null;
    } finally {
      over.abort();
    }
  }

  private async complete(
    word: Extract<LastWord, { type: 'result' }>,
    last: { from: number; records: ReturnType<typeof recordsOf>['records'] },
  ): Promise<BuildEnd> {
    const { tenantId, build } = this;
    const found = await Promise.all(
      word.functions.map(({ name, artifactDigest }) =>
        this.parts.artifacts.isThere({ tenantId, trust: build.trust, functionName: name }, artifactDigest),
      ),
    );
    // An artifact that is not there cannot run: the same as a builder that never said so.
    if (found.includes(false)) return this.fail('The build left no artifact. Redeploy it.', last);
    const functions = word.functions.map((each) => this.builtFunction(each));
    const result = { ...last, functions, newReleaseId: this.parts.identities.id('release') };
    const outcome = await this.store(result);
    if (outcome === 'not building') return this.afterEnd();
    return outcome === 'releasing' ? 'released' : outcome;
  }

  private async store(result: Parameters<BuildResultStore['complete']>[2]): Promise<ResultOutcome> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.parts.results.complete(this.tenantId, this.deploymentId, result, (state) =>
          decideResult(state, result.functions),
        );
      } catch (error) {
        if (tries >= maxResultTries || !isUniqueViolation(error)) throw error;
      }
    }
  }

  private builtFunction(each: Extract<LastWord, { type: 'result' }>['functions'][number]): BuiltFunction {
    const { identities } = this.parts;
    const config = storableJson(each.config);
    return {
      name: each.name,
      inputHash: each.inputHash,
      artifactDigest: each.artifactDigest,
      config,
      configHash: configHash(config),
      buildMs: each.buildMs,
      newFunctionId: identities.id('function'),
      newRevisionId: identities.id('revision'),
    };
  }

  private async fail(
    reason: string,
    last: { from: number; records: ReturnType<typeof recordsOf>['records'] } | null = null,
  ): Promise<BuildEnd> {
    const done = await this.parts.builds.end(this.tenantId, this.deploymentId, 'failed', reason, last);
    return done ? 'failed' : this.afterEnd();
  }

  /** The deployment was cancelled or superseded, or another worker follows it: the rows say which. */
  private async afterEnd(): Promise<BuildEnd> {
    const { builds, runner, lease } = this.parts;
    const state = await builds.renew(this.tenantId, this.deploymentId, lease);
    if (state?.status === 'building') {
      if (!state.isOwner || !state.isCancelRequested) return 'left';
      await runner.stop(this.deploymentId);
      await builds.end(this.tenantId, this.deploymentId, 'cancelled', 'Cancelled while it was built.', null);
      return 'cancelled';
    }
    return state?.status === 'superseded' ? 'superseded' : 'ended';
  }

  private async letGo(): Promise<BuildEnd> {
    await this.parts.builds.letGo(this.tenantId, this.deploymentId, this.parts.lease.owner);
    return 'left';
  }
}

/** A refusal as a value; other failures are thrown on, and the build is tried again. */
function refusal(error: unknown): SourceAccess | SourceRefusedError {
  if (error instanceof SourceRefusedError) return error;
  throw error;
}

function outOfMemory(limitMiB: number): string {
  return `The build used more than ${limitMiB} MiB of memory and was ended. Make it need less, or build fewer functions in one repository.`;
}

function isUniqueViolation(error: unknown): boolean {
  const text = error instanceof Error ? `${(error as { code?: string }).code} ${error.message}` : '';
  return /P2002|23505|unique constraint/i.test(text);
}
