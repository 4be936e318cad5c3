/** What an operator chose for the App. */
export type AppWishes = Readonly<{ name: string; isPublic: boolean; hasWebhooks: boolean }>;

/**
 * What the App may do with the repositories it is installed on: the least that each feature needs, and nothing of other
 * repositories (docs.github.com, "Permissions required for GitHub Apps").
 */
export const appPermissions = {
  /** One check run per deployment. */
  checks: 'write',
  /** Fetching the commit that is built. */
  contents: 'read',
  /** GitHub Deployments with their statuses. */
  deployments: 'write',
  /** The webhook of a comment such as `/deploy <sha>`. */
  issues: 'read',
  /** Whose pull request it is and whether from a fork, and the one comment with the preview's address. */
  pull_requests: 'write',
  /** Waiting for other checks of the commit that use the older statuses. */
  statuses: 'read',
  /** GitHub gives it with any other. */
  metadata: 'read',
  /** Who belongs to the organisation and to which of its teams: roles follow them. */
  members: 'read',
} as const;

/** Those of installations, and of check runs and suites asked for again, come without being named. */
export const appEvents = [
  ...['check_run', 'check_suite', 'issue_comment', 'membership', 'organization', 'pull_request', 'push', 'repository'],
  ...['status', 'team'],
] as const;

/**
 * The manifest that a browser posts to GitHub, which makes an App of it and sends the browser back with a code
 * (docs.github.com, "Registering a GitHub App from a manifest"). Pure.
 * @param consoleUrl without a slash at its end. GitHub has to reach it, unless the App has no webhooks.
 */
export function appManifest(consoleUrl: string, { name, isPublic, hasWebhooks }: AppWishes): object {
  return {
    name,
    url: consoleUrl,
    description: 'Deploys functions from this repository with Wherry.',
    redirect_url: `${consoleUrl}/github/app/created`,
    callback_urls: [`${consoleUrl}/login/github/callback`],
    setup_url: `${consoleUrl}/github/installed`,
    setup_on_update: true,
    public: isPublic,
    request_oauth_on_install: false,
    default_permissions: appPermissions,
    ...(hasWebhooks && {
      hook_attributes: { url: `${consoleUrl}/github/webhooks`, active: true },
      default_events: appEvents,
    }),
  };
}
