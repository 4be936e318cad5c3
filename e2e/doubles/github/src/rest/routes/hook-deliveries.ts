import type { StoredDelivery } from '../../webhooks/webhooks';
import type { AppState } from '../../world/types';
import { idOf, invalid, notFound, ok, type Answer, type Call, type Route } from '../route';

/** The App's webhook: where it goes, and what became of the deliveries of the last three days. */
export const hookRoutes: readonly Route[] = [
  { name: 'GET /app/hook/config', as: 'app', run: (_, app) => ok(config(app)) },
  {
    name: 'PATCH /app/hook/config',
    as: 'app',
    run: ({ body }, app) => {
      if (typeof body['url'] === 'string') app.hookUrl = body['url'];
      if (typeof body['secret'] === 'string') app.webhookSecret = body['secret'];
      return ok(config(app));
    },
  },
  { name: 'GET /app/hook/deliveries', as: 'app', run: list },
  {
    name: 'GET /app/hook/deliveries/{delivery_id}',
    as: 'app',
    run: (call, app) => ok(whole(found(call, app))),
  },
  {
    name: 'POST /app/hook/deliveries/{delivery_id}/attempts',
    as: 'app',
    run: (call, app) => {
      call.double.webhooks.redeliver(found(call, app));
      return { status: 202, body: {} };
    },
  },
];

function config(app: AppState) {
  return { url: app.hookUrl ?? '', content_type: 'json', secret: '********', insecure_ssl: '0' };
}

function found(call: Call, app: AppState): StoredDelivery {
  const id = idOf(call, 'delivery_id');
  const delivery = call.double.webhooks.kept(app.id).find((one) => one.id === id);
  if (delivery === undefined) throw notFound();
  return delivery;
}

/** Newest first; the cursor is the id after which the page begins. */
function list(call: Call, app: AppState): Answer {
  const perPage = Math.min(Math.max(1, Number(call.query.get('per_page')) || 30), 100);
  const cursor = call.query.get('cursor');
  const after = cursor === null ? Infinity : Number(/^v1_(\d+)$/.exec(cursor)?.[1] ?? Number.NaN);
  if (Number.isNaN(after)) throw invalid('The cursor is not valid.');
  const wanted = call.query.get('status');
  const all = call.double.webhooks
    .kept(app.id)
    .sort((a, b) => b.id - a.id)
    .filter((one) => one.id < after && (wanted === null || (one.status === 'OK') === (wanted === 'success')));
  const shown = all.slice(0, perPage);
  const last = shown.at(-1);
  const query = new URLSearchParams(call.query);
  query.set('cursor', `v1_${last?.id}`);
  const hasMore = all.length > shown.length;
  const headers: Record<string, string> = hasMore ? { link: `<${call.address}?${query}>; rel="next"` } : {};
  return { status: 200, body: shown.map(brief), headers };
}

function brief(delivery: StoredDelivery) {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: delivery.deliveredAt,
    redelivery: delivery.redelivery,
    duration: delivery.durationMs / 1_000,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

function whole(delivery: StoredDelivery) {
  const { headers, body } = delivery.answer;
  return {
    ...brief(delivery),
    url: delivery.url,
    request: { headers: delivery.headers, payload: JSON.parse(delivery.body) as unknown },
    response: { headers, payload: body },
  };
}
