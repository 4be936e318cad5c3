/** Every failure a caller may see: stable code, HTTP status, title. Documented in docs/problems.md (a test compares). */
export const problems = {
  'request.invalid': { status: 400, title: 'Invalid request' },
  'request.unauthenticated': { status: 401, title: 'Not signed in' },
  'request.forbidden': { status: 403, title: 'Not allowed' },
  'request.bad_host': { status: 421, title: 'Unknown host' },
  'request.not_found': { status: 404, title: 'Not found' },
  'request.too_large': { status: 413, title: 'Too large' },
  'request.too_slow': { status: 408, title: 'Too slow' },
  'request.unsupported_type': { status: 415, title: 'Content type not supported' },
  'request.too_many': { status: 429, title: 'Too many requests' },
  'login.link_invalid': { status: 401, title: 'Login link not valid' },
  'user.not_found': { status: 404, title: 'User not found' },
  'tenant.slug_taken': { status: 409, title: 'Slug taken' },
  'tenant.sandbox_required': { status: 409, title: 'Sandbox required' },
  'repository.not_found': { status: 404, title: 'Repository not found' },
  'repository.not_on_github': { status: 409, title: 'Repository is not on GitHub' },
  'repository.disconnected': { status: 409, title: 'Repository is disconnected' },
  'repository.empty': { status: 409, title: 'Nothing to deploy' },
  'environment.not_found': { status: 404, title: 'Environment not found' },
  'preview.not_found': { status: 404, title: 'Preview not found' },
  'function.not_found': { status: 404, title: 'Function not found' },
  'deployment.not_found': { status: 404, title: 'Deployment not found' },
  'deployment.not_restorable': { status: 409, title: 'Deployment cannot be restored' },
  'deployment.finished': { status: 409, title: 'Deployment already finished' },
  'secret.sandbox_required': { status: 409, title: 'Sandbox required' },
  'secret.not_found': { status: 404, title: 'Secret not found' },
  'variable.not_found': { status: 404, title: 'Variable not found' },
  'token.not_found': { status: 404, title: 'Token not found' },
  'github.signature_invalid': { status: 401, title: 'Signature not valid' },
  'github.sandbox_required': { status: 409, title: 'Sandbox required' },
  'github.already_registered': { status: 409, title: 'GitHub App already registered' },
  'github.not_registered': { status: 404, title: 'No GitHub App' },
  'github.registration_invalid': { status: 400, title: 'Registration not valid' },
  'github.registration_failed': { status: 502, title: 'Registration failed' },
  'github.private_key_invalid': { status: 400, title: 'Private key not valid' },
  'github.webhook_secret_not_found': { status: 404, title: 'Webhook secret not found' },
  'github.webhook_secrets_full': { status: 409, title: 'Two webhook secrets already' },
  'github.webhook_secret_needed': { status: 409, title: 'Webhook secret needed' },
  'delivery.not_found': { status: 404, title: 'Delivery not found' },
  'delivery.too_old': { status: 409, title: 'Delivery too old' },
  'member.not_found': { status: 404, title: 'Member not found' },
  'member.from_github': { status: 409, title: 'Role comes from GitHub' },
  'member.last_owner': { status: 409, title: 'Last owner' },
  'team.not_found': { status: 404, title: 'Team not found' },
  'tenant.not_found': { status: 404, title: 'Tenant not found' },
  'tenant.not_suspended': { status: 409, title: 'Tenant not suspended' },
  'platform.unavailable': { status: 503, title: 'Not available now' },
} as const;
export type ProblemCode = keyof typeof problems;

/** A failure the caller may see. `detail` is public; put secrets and SQL in `cause`, which is only logged. */
export class DomainError extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    options?: ErrorOptions & { errors?: readonly FieldError[] },
  ) {
    super(`${code}: ${detail}`, options);
    this.name = 'DomainError';
    this.errors = options?.errors ?? [];
  }

  readonly errors: readonly FieldError[];
}

/** `pointer` is a JSON pointer into the request body (RFC 6901). */
export type FieldError = Readonly<{ pointer: string; detail: string }>;
export type Problem = Readonly<{
  type: string;
  title: string;
  status: number;
  instance: string;
  detail?: string;
  errors?: readonly FieldError[];
}>;

/** Maps any thrown value to an RFC 9457 body; anything unknown is a bare 500. */
export function toProblem(error: unknown, requestId: string): Problem {
  const instance = `urn:request:${requestId}`;
  if (!(error instanceof DomainError)) {
    return { type: 'about:blank', title: 'Internal Server Error', status: 500, instance };
  }
  const { status, title } = problems[error.code];
  const base = { type: `urn:wherry:problem:${error.code}`, title, status, detail: error.detail, instance };
  return error.errors.length > 0 ? { ...base, errors: error.errors } : base;
}
