import type { KeyObject } from 'node:crypto';
import type { BareRepository } from '../git/bare-repository';
import type { Json, OrganisationRole, Permission } from '../scenario';

/** Times are milliseconds of the double's own clock; ids are GitHub's numeric ids. */
export type AccountState = {
  id: number;
  login: string;
  type: 'User' | 'Organization';
  name: string | null;
  email: string | null;
  createdAt: number;
  /** Of an organisation, by the member's id. */
  members: Map<number, OrganisationRole>;
  teams: TeamState[];
};
export type TeamState = { id: number; slug: string; members: Set<number>; createdAt: number };

export type RepositoryState = {
  id: number;
  ownerId: number;
  name: string;
  private: boolean;
  archived: boolean;
  defaultBranch: string;
  parentId: number | null;
  createdAt: number;
  pushedAt: number;
  collaborators: Map<number, Permission>;
  git: BareRepository;
  nextNumber: number;
  pulls: Map<number, PullState>;
  comments: Map<number, CommentState>;
  suites: Map<number, CheckSuiteState>;
  runs: Map<number, CheckRunState>;
  statuses: StatusState[];
  deployments: Map<number, DeploymentState>;
};

export type PullState = {
  id: number;
  number: number;
  title: string;
  body: string | null;
  authorId: number;
  draft: boolean;
  state: 'open' | 'closed';
  headRepositoryId: number;
  headBranch: string;
  headSha: string;
  baseBranch: string;
  baseSha: string;
  mergeSha: string | null;
  createdAt: number;
  updatedAt: number;
  closedAt: number | null;
  mergedAt: number | null;
  mergedById: number | null;
};
/** `appId` is set where an App wrote it; `authorId` is then the App's own. */
export type CommentState = {
  id: number;
  number: number;
  authorId: number;
  appId: number | null;
  body: string;
  createdAt: number;
  updatedAt: number;
};
/** One per (App, commit). */
export type CheckSuiteState = {
  id: number;
  appId: number;
  headSha: string;
  headBranch: string | null;
  /** Jobs without a run are to come. */
  goesOn?: boolean;
  createdAt: number;
  updatedAt: number;
};
export type CheckRunState = {
  id: number;
  suiteId: number;
  appId: number;
  headSha: string;
  name: string;
  externalId: string | null;
  detailsUrl: string | null;
  status: string;
  conclusion: string | null;
  startedAt: number | null;
  completedAt: number | null;
  output: { title: string | null; summary: string | null; text: string | null };
  annotations: Json[];
  actions: Json[];
};
export type StatusState = {
  id: number;
  sha: string;
  context: string;
  state: string;
  description: string | null;
  targetUrl: string | null;
  creatorId: number;
  createdAt: number;
};
export type DeploymentState = {
  id: number;
  sha: string;
  ref: string;
  task: string;
  payload: unknown;
  environment: string;
  description: string | null;
  transient: boolean;
  production: boolean;
  appId: number | null;
  creatorId: number;
  createdAt: number;
  updatedAt: number;
  statuses: DeploymentStatusState[];
};
export type DeploymentStatusState = {
  id: number;
  state: string;
  description: string;
  environment: string;
  environmentUrl: string;
  logUrl: string;
  creatorId: number;
  createdAt: number;
};

export type AppState = {
  id: number;
  slug: string;
  name: string;
  ownerId: number;
  description: string | null;
  externalUrl: string;
  /** Any of them may sign. */
  keys: KeyObject[];
  privateKeyPem: string;
  clientId: string;
  clientSecret: string;
  hookUrl: string | null;
  webhookSecret: string;
  hookId: number;
  /** The account `<slug>[bot]` that acts when an installation does. */
  botId: number;
  callbackUrls: string[];
  setupUrl: string | null;
  permissions: Record<string, string>;
  events: string[];
  createdAt: number;
};
export type InstallationState = {
  id: number;
  appId: number;
  accountId: number;
  selection: 'all' | 'selected';
  /** Of `selected`. */
  repositoryIds: Set<number>;
  permissions: Record<string, string>;
  suspendedAt: number | null;
  createdAt: number;
};
export type TokenState =
  | {
      kind: 'installation';
      installationId: number;
      repositoryIds: Set<number> | null;
      permissions: Record<string, string>;
      expiresAt: number;
    }
  | { kind: 'user'; userId: number; appId: number; expiresAt: number };

/** What a browser brought away from a page, to be exchanged once. */
export type CodeState =
  | { kind: 'manifest'; appId: number; expiresAt: number }
  | { kind: 'refresh'; appId: number; userId: number; expiresAt: number }
  | {
      kind: 'login';
      appId: number;
      userId: number;
      redirectUri: string | null;
      /** PKCE's S256 challenge. */
      challenge: string | null;
      expiresAt: number;
    };
