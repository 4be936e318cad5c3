/** Listens on the ports that are its arguments, and greets whoever comes. */
export const enforcementServer = `
import { createServer } from 'node:net';
for (const port of process.argv.slice(1)) createServer((socket) => socket.on('error', () => {}).end('hello')).listen(Number(port));
`;

/**
 * Connects to `<host>:<port>` arguments: guarded allowed, guarded denied, open allowed, open denied. It ends as soon as
 * all four are as policies say, twice in a row, and else after 25 s with what it found last: policies take a moment to
 * reach a new pod. Meanwhile it asks for a name; whatever the answer says, it is one.
 */
export const enforcementClient = `
import { connect } from 'node:net';
import { Resolver } from 'node:dns/promises';
import { writeFileSync } from 'node:fs';
const targets = process.argv.slice(1).map((target) => target.split(':'));
const reach = ([host, port]) => new Promise((resolve) => {
  const socket = connect({ host, port: Number(port) });
  const end = (isReached) => { socket.destroy(); resolve(isReached); };
  socket.setTimeout(1000, () => end(false)).on('error', () => end(false)).on('data', () => end(true)).on('close', () => end(false));
});
const until = Date.now() + 25_000;
let good = 0;
let found = [];
let names = false;
const silent = ['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'];
const askNames = async () => {
  while (!names && Date.now() < until) {
    const asked = new Resolver({ timeout: 1000, tries: 2 }).resolve4('kubernetes.default.svc.cluster.local.');
    names = await asked.then(() => true, ({ code }) => !silent.includes(code));
    if (!names) await new Promise((resolve) => setTimeout(resolve, 250));
  }
};
const asked = askNames();
while (good < 2 && Date.now() < until) {
  found = await Promise.all(targets.map(reach));
  good = found.join() === 'true,false,true,false' ? good + 1 : 0;
  if (good === 0) await new Promise((resolve) => setTimeout(resolve, 250));
}
await asked;
writeFileSync('/dev/termination-log', JSON.stringify({ reached: found, names }));
`;
