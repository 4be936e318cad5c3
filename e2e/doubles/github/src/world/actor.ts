import { atLeast, type World } from './world';
import type { AppState, InstallationState, RepositoryState, TokenState } from './types';

/** Who a call comes from. */
export type Actor =
  | Readonly<{ kind: 'nobody' }>
  | Readonly<{ kind: 'app'; app: AppState }>
  | Readonly<{ kind: 'user'; userId: number; app: AppState }>
  | Readonly<{
      kind: 'installation';
      installation: InstallationState;
      permissions: Readonly<Record<string, string>>;
      /** Null: all that the installation reaches. */
      repositoryIds: ReadonlySet<number> | null;
    }>;

/** The token's bearer; undefined when it is unknown, expired, or its installation is gone. */
export function bearer(world: World, token: string): Actor | undefined {
  const state: TokenState | undefined = world.tokens.get(token);
  if (state === undefined || state.expiresAt <= world.now()) return undefined;
  if (state.kind === 'user') return { kind: 'user', userId: state.userId, app: world.app(state.appId) };
  const installation = world.installations.get(state.installationId);
  if (installation === undefined) return undefined;
  return { kind: 'installation', installation, permissions: state.permissions, repositoryIds: state.repositoryIds };
}

/** The account that an act of this actor shows: a person, or the App's bot. */
export function accountOf(world: World, actor: Actor): number | null {
  if (actor.kind === 'user') return actor.userId;
  if (actor.kind === 'installation') return world.app(actor.installation.appId).botId;
  return null;
}

/** The App that acts, directly or for a person. */
export function appOf(world: World, actor: Actor): AppState | null {
  if (actor.kind === 'installation') return world.app(actor.installation.appId);
  return actor.kind === 'nobody' ? null : actor.app;
}

/** Whether a repository shows to an actor at all. One that does not is 404, never 403. */
export function canSee(world: World, actor: Actor, repository: RepositoryState): boolean {
  if (!repository.private || isInside(world, actor, repository)) return true;
  return actor.kind === 'user' && world.permission(actor.userId, repository) !== 'none';
}

/** Whether an installation token reaches a repository. */
export function isInside(world: World, actor: Actor, repository: RepositoryState): boolean {
  if (actor.kind !== 'installation' || actor.installation.accountId !== repository.ownerId) return false;
  if (actor.repositoryIds !== null && !actor.repositoryIds.has(repository.id)) return false;
  return world.reachable(actor.installation).includes(repository);
}

/**
 * Whether an actor may do what needs `level` of an App's `permission`. Anyone reads a public repository's contents,
 * checks and the like.
 */
export function mayUse(
  world: World,
  actor: Actor,
  repository: RepositoryState,
  permission: string,
  level: 'read' | 'write',
): boolean {
  if (level === 'read' && !repository.private) return true;
  if (actor.kind === 'user') return atLeast(world.permission(actor.userId, repository), level);
  if (actor.kind !== 'installation' || !isInside(world, actor, repository)) return false;
  return atLeast(actor.permissions[permission], level);
}
