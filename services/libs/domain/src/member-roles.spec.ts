import { expect, it } from 'vitest';
import { type GithubStanding, type MemberRole, roleFromGithub } from './member-roles';

const teamRoles = new Map<number, MemberRole>([
  [1, 'billing'],
  [2, 'developer'],
  [3, 'viewer'],
]);
const of = (standing: Partial<GithubStanding>) =>
  roleFromGithub({ organizationRole: 'member', teamIds: [], teamRoles, memberRole: null, ...standing });

it('makes the owners of an organisation owners of its tenant, whatever their teams are', () => {
  expect(of({ organizationRole: 'admin', teamIds: [1] })).toBe('owner');
});

it('gives the most that any of the teams of a person gives, also less than to members without one', () => {
  expect(of({ teamIds: [1, 2, 3, 99] })).toBe('developer');
  expect(of({ teamIds: [1], memberRole: 'viewer' })).toBe('billing');
});

it('gives whoever is in no mapped team the role of members, or none', () => {
  expect(of({ teamIds: [99], memberRole: 'viewer' })).toBe('viewer');
  expect(of({ teamIds: [99] })).toBeNull();
  expect(of({ organizationRole: 'billing_manager' })).toBe('billing');
});
