import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Double } from './double';
import { Description } from './rest/description';
import { routes } from './rest/routes/index';
import { scenarioActions } from './scenario/actions';
import { requestListener } from './server';

const events = ['push', 'create', 'delete', 'pull_request', 'installation', 'repository', 'check_run', 'check_suite']
  .concat(['issue_comment', 'organization', 'member', 'team', 'status', 'ping'])
  .map((event) => event.replaceAll('_', '-'));
const schemas = [
  'simple-user',
  'private-user',
  'public-user',
  'organization-simple',
  'team',
  'repository',
  'repository-webhooks',
].concat(['full-repository', 'pull-request', 'check-suite', 'commit', 'organization-full', 'team-full']);

const description = new Description(
  routes.map(({ name }) => name),
  events,
  schemas,
);
const server = createServer().listen(Number(process.env.PORT ?? 0), '127.0.0.1');
await once(server, 'listening');
const double = new Double(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, description);
server.on('request', requestListener(double, scenarioActions(double)));

function end(): void {
  rmSync(double.world.folder, { recursive: true, force: true });
  process.exit(0);
}
process.once('SIGTERM', end).once('SIGINT', end);
// Whoever started it is gone.
if (!process.stdin.isTTY) process.stdin.once('end', end).resume();

const { url, apiUrl } = double.world;
process.stdout.write(`${JSON.stringify({ url, apiUrl, control: `${url}/control` })}\n`);
