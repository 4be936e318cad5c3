import type { RepositorySettings } from '@wherry/contract';
import type { GithubPlace, PlanSubject } from '@wherry/db';
import type { TrustLevel } from '@wherry/domain';
import { stackFileNames } from '@wherry/stack';
import ignore from 'ignore';
import type { CommitChecks, Head, Inspector, PullRequest } from '../source/source';
import type { PlanFacts } from './decide-plan';

/** How long a commit without any check waits for the first one to be begun. */
const checksBeginMs = 120_000;

/** A repository on GitHub whose head is to be planned. */
export type Planned = Readonly<{
  place: GithubPlace;
  subject: PlanSubject;
  settings: RepositorySettings;
  head: Head;
  /** The commit that a maintainer let run as trusted. */
  grantedSha: string | null;
  environmentId: string | null;
}>;

/** Whose code it is, and why it is not built at all if it is not. */
export type Judgement = Readonly<{ trust: TrustLevel; refusal: string | null }>;

/**
 * Code of a branch was pushed by somebody who may write to the repository. That of a pull request is trusted when it
 * comes from a branch of the repository and somebody who may write to it, or when such a person has let exactly this
 * commit run.
 */
export async function judge(inspector: Inspector, planned: Planned): Promise<Judgement> {
  const { place, head, grantedSha, settings } = planned;
  const { pull } = head;
  if (!pull || grantedSha === head.commitSha) return { trust: 'trusted', refusal: null };
  const isOutsider = pull.isFork || (await inspector.isOutsider(place, { login: pull.authorLogin, id: pull.authorId }));
  if (!isOutsider) return { trust: 'trusted', refusal: null };
  const isRefused = settings.previews.outsiders === 'refused';
  return { trust: 'untrusted', refusal: isRefused ? refusalOf(pull, head.commitSha) : null };
}

function refusalOf(pull: PullRequest, commitSha: string): string {
  const why = pull.isFork ? 'Its code comes from a fork' : `${pull.authorLogin} may not write to this repository`;
  return `${why}. Somebody who may write to the repository can let exactly this commit run by the comment: /deploy ${commitSha}`;
}

/** What decides about one root directory, as far as the settings ask for it. */
export async function factsOf(
  inspector: Inspector,
  planned: Planned,
  rootDir: string,
  { trust, refusal }: Judgement,
  nowMs: number,
): Promise<PlanFacts> {
  if (refusal !== null) return { trust, refusal, nothingThere: null, checks: null };
  const { subject, settings, environmentId } = planned;
  const live = subject.live.find((each) => each.rootDir === rootDir && each.environmentId === environmentId);
  const nothingThere = live ? null : await nothingThereIn(inspector, planned, rootDir);
  const checks = settings.waitForChecks ? await checksOf(inspector, planned, nowMs) : null;
  const changes = await changesOf(inspector, planned, rootDir, live?.commitSha ?? null);
  return { trust, refusal: null, nothingThere, checks, ...(changes && { changes }) };
}

/**
 * An installation may list every repository of an organisation, so only a stack file says that one is for us. What is
 * live was asked for, and is not looked at: without its stack file, the builder says what is to be done.
 */
async function nothingThereIn(inspector: Inspector, { place, head }: Planned, rootDir: string): Promise<string | null> {
  const names = await inspector.files(place, head.commitSha, rootDir);
  if (stackFileNames.some((name) => names.includes(name))) return null;
  const where = rootDir === '.' ? 'the root of the repository' : `the folder ${rootDir}`;
  return `Nothing to deploy: there is no stack.yml in ${where}.`;
}

async function checksOf(inspector: Inspector, planned: Planned, nowMs: number): Promise<CommitChecks> {
  const { place, head, subject } = planned;
  const checks = await inspector.checks(place, head.commitSha);
  if (checks.state !== 'none') return checks;
  const { ledger } = subject;
  const sinceMs = ledger?.commitSha === head.commitSha ? ledger.sinceMs : nowMs;
  return nowMs - sinceMs < checksBeginMs ? { state: 'pending' } : checks;
}

/**
 * The net difference to what is live; of the first commit of a pull request, that to its base. Undefined when every
 * commit is wanted, or nobody can tell.
 */
async function changesOf(
  inspector: Inspector,
  { place, head, settings }: Planned,
  rootDir: string,
  since: string | null,
): Promise<PlanFacts['changes']> {
  const patterns = settings.roots.find(({ dir }) => dir === rootDir)?.paths ?? [];
  const base = since ?? head.pull?.baseRef ?? null;
  if (patterns.length === 0 || base === null) return undefined;
  const paths = await inspector.changes(place, base, head.commitSha);
  return paths === null ? undefined : { since, areWanted: hasWanted(patterns, paths) };
}

/** Whether one of `paths` is matched by the patterns, as .gitignore reads them: relative to the repository. */
export function hasWanted(patterns: readonly string[], paths: readonly string[]): boolean {
  const matcher = ignore({ allowRelativePaths: true }).add([...patterns]);
  return paths.some((path) => matcher.ignores(path));
}
