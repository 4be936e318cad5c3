/** What may be done with a repository. `*`, which registries read as "everything", is never one of them. */
export const registryActions = ['pull', 'push', 'delete'] as const;
export type RegistryAction = (typeof registryActions)[number];

/**
 * What a credential names: actions below one path, or in the whole registry. The whole registry has a key of its own,
 * so that no path, however short or odd, can come to mean it.
 */
export type Grant =
  | Readonly<{ below: string; actions: readonly RegistryAction[] }>
  | Readonly<{ everywhere: true; actions: readonly RegistryAction[] }>;

/** One entry of the `access` claim that registries read. Source: the token specification of the Distribution project. */
export type Access =
  | Readonly<{ type: 'repository'; name: string; actions: readonly RegistryAction[] }>
  | Readonly<{ type: 'registry'; name: 'catalog'; actions: readonly ['*'] }>;

/** More than any client asks for at once: one for the target, one for each repository that layers are mounted from. */
const mostScopes = 50;
const longestName = 255;
const repositoryName = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/**
 * Whether a name can be one of a repository, by the registry's own grammar: lower-case segments of letters and digits,
 * with single separators between them, at most 255 characters. It leaves no room for `..`, `*`, a host or an empty
 * segment, so names can be compared as they are.
 */
export function isRepositoryName(name: string): boolean {
  return name.length <= longestName && repositoryName.test(name);
}

/**
 * Parses the `scope` parameters of a token request: `repository:<name>:<action>,<action>`, several divided by spaces.
 * What Wherry does not know (another type, another action, a name that no repository can have) is left out, so that it
 * yields nothing; only the first 50 scopes count.
 */
export function parseScopes(parameters: readonly string[]): Access[] {
  const scopes = parameters.flatMap((parameter) => parameter.split(' ')).filter((scope) => scope !== '');
  return scopes.slice(0, mostScopes).flatMap((scope) => parseScope(scope) ?? []);
}

function parseScope(scope: string): Access | null {
  if (scope === 'registry:catalog:*') return { type: 'registry', name: 'catalog', actions: ['*'] };
  const [type, name, asked, ...more] = scope.split(':');
  if (type !== 'repository' || name === undefined || asked === undefined || more.length > 0) return null;
  if (!isRepositoryName(name)) return null;
  const actions = asked.split(',');
  return { type: 'repository', name, actions: registryActions.filter((action) => actions.includes(action)) };
}

/**
 * The part of what is asked that the grants name: one entry for each repository, none for a repository of which nothing
 * may be done. The list of all repositories goes to who may pull from all of them.
 */
export function intersect(asked: readonly Access[], grants: readonly Grant[]): Access[] {
  const allowed = new Map<string, Access>();
  for (const access of asked) {
    if (access.type === 'registry') {
      if (grants.some((grant) => 'everywhere' in grant && grant.actions.includes('pull'))) allowed.set('', access);
      continue;
    }
    const before = allowed.get(access.name)?.actions ?? [];
    const actions = registryActions.filter(
      (action) =>
        before.some((had) => had === action) || (access.actions.includes(action) && may(grants, access.name, action)),
    );
    if (actions.length > 0) allowed.set(access.name, { type: 'repository', name: access.name, actions });
  }
  return [...allowed.values()];
}

function may(grants: readonly Grant[], name: string, action: RegistryAction): boolean {
  return grants.some(
    (grant) => grant.actions.includes(action) && ('everywhere' in grant || isBelow(name, grant.below)),
  );
}

/** Whether a repository is a path or below it, by whole segments: `tenant2` is not below `tenant`. */
export function isBelow(name: string, path: string): boolean {
  if (!isRepositoryName(name) || !isRepositoryName(path)) return false;
  return name === path || name.startsWith(`${path}/`);
}
