import { node, renderAccount, time } from '../../render/account';
import { renderApp } from '../../render/app';
import type { AppState } from '../../world/types';
import { created, nothing, notFound, ok, type Call, type Route } from '../route';

/** What an App does with codes and tokens that a browser brought. */
export const oauthRoutes: readonly Route[] = [
  {
    as: 'anyone',
    name: 'POST /app-manifests/{code}/conversions',
    run: ({ double, params }) => {
      const code = double.world.takeCode(params['code'] ?? '', 'manifest');
      if (code === undefined) throw notFound();
      const app = double.world.app(code.appId);
      return created({
        ...renderApp(double.world, app),
        client_id: app.clientId,
        client_secret: app.clientSecret,
        webhook_secret: app.hookUrl === null ? null : app.webhookSecret,
        pem: app.privateKeyPem,
      });
    },
  },
  { as: 'app', name: 'POST /applications/{client_id}/token', run: check },
  {
    as: 'app',
    name: 'DELETE /applications/{client_id}/token',
    run: (call, app) => {
      const [token] = own(call, app);
      call.double.world.tokens.delete(token);
      return nothing;
    },
  },
  {
    as: 'app',
    name: 'DELETE /applications/{client_id}/grant',
    run: (call, app) => {
      const [, { userId }] = own(call, app);
      for (const [token, state] of call.double.world.tokens)
        if (state.kind === 'user' && state.userId === userId && state.appId === app.id)
          call.double.world.tokens.delete(token);
      return nothing;
    },
  },
];

function own(call: Call, app: AppState) {
  const token = String(call.body['access_token']);
  const state = call.double.world.tokens.get(token);
  if (call.params['client_id'] !== app.clientId || state?.kind !== 'user' || state.appId !== app.id) throw notFound();
  if (state.expiresAt <= call.double.world.now()) throw notFound();
  return [token, state] as const;
}

/** Whether a token is good, and whose it is. */
function check(call: Call, app: AppState) {
  const { world } = call.double;
  const [token, state] = own(call, app);
  return ok({
    id: state.userId,
    url: `${world.apiUrl}/authorizations/${state.userId}`,
    node_id: node('AU', state.userId),
    scopes: [],
    token,
    token_last_eight: token.slice(-8),
    hashed_token: null,
    app: { client_id: app.clientId, name: app.name, url: app.externalUrl },
    note: null,
    note_url: null,
    created_at: time(app.createdAt),
    updated_at: time(app.createdAt),
    fingerprint: null,
    user: renderAccount(world, world.accountById(state.userId)),
    expires_at: time(state.expiresAt),
  });
}
