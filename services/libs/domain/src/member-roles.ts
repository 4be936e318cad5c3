/** What a member may do, the most first; each may all that those after it may. */
export const memberRoles = ['owner', 'developer', 'viewer', 'billing'] as const;
export type MemberRole = (typeof memberRoles)[number];

/** What GitHub says of one person in one organisation, and what its owners made of its teams. */
export type GithubStanding = Readonly<{
  /** `admin` is called owner on GitHub's pages. */
  organizationRole: 'admin' | 'member' | 'billing_manager';
  /** Of the teams of this organisation that the person is in. */
  teamIds: Iterable<number>;
  /** Team id → the role that an owner mapped it to. */
  teamRoles: ReadonlyMap<number, MemberRole>;
  /** Of a member who is in no mapped team; null for none. */
  memberRole: MemberRole | null;
}>;

/**
 * The role of somebody in the tenant that their organisation is, or null for none. Owners of the organisation own the
 * tenant; else the most that a mapped team gives; a billing manager sees the bills at least.
 */
export function roleFromGithub({
  organizationRole,
  teamIds,
  teamRoles,
  memberRole,
}: GithubStanding): MemberRole | null {
  if (organizationRole === 'admin') return 'owner';
  const given = [...teamIds].flatMap((id) => teamRoles.get(id) ?? []);
  const highest = memberRoles.find((role) => given.includes(role));
  return highest ?? (organizationRole === 'billing_manager' ? (memberRole ?? 'billing') : memberRole);
}
