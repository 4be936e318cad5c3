/** Where the shim listens inside the sandbox; the whole loopback there is its own. */
export const shimPort = 3128;

/**
 * Runs inside the sandbox, which has no network but its own loopback: listens there, pipes each connection to the
 * proxy's unix socket, and runs the command that follows. Arguments: port, socket, command. It ends as the command does.
 */
export const shimSource = `
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const [port, socket, file, ...args] = process.argv.slice(2);
const server = createServer((inner) => {
  const outer = connect(socket);
  inner.pipe(outer).pipe(inner);
  for (const [one, other] of [[inner, outer], [outer, inner]]) one.on('error', () => other.destroy());
  for (const [one, other] of [[inner, outer], [outer, inner]]) one.on('close', () => other.destroy());
});
server.listen(Number(port), '127.0.0.1', () => {
  const child = spawn(file, args, { stdio: 'inherit' });
  child.on('error', (error) => { console.error(String(error)); process.exit(127); });
  child.on('exit', (code, signal) => process.exit(signal ? 137 : code));
});
`;
