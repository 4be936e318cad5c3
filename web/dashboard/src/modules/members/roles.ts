import type { Role } from '../session/session';

/** Every role with what it may do, the most first. Each may do what those after it may. */
export const roles: readonly (readonly [Role, string])[] = [
  ['owner', 'Everything: members, tokens, secrets and the audit log as well.'],
  ['developer', 'Deploys, rolls back, calls functions, changes variables and settings.'],
  ['viewer', 'Sees functions, deployments and logs.'],
  ['billing', 'Sees what was used, and nothing else.'],
];

/** `Owner`, for lists to choose from. */
export const nameOf = (role: Role): string => role[0]!.toUpperCase() + role.slice(1);
