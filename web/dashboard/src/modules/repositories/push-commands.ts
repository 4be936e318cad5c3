/** A repository's remote. A token, when there is one, goes with it, so that git asks for nothing. */
export function remoteUrl(gitUrl: string, tenant: string, name: string, token: string | null): string {
  const url = new URL(`${gitUrl}/${tenant}/${name}.git`);
  url.username = 'git';
  if (token !== null) url.password = token;
  return url.href;
}

/** What to paste in a repository that one has. */
export function pushCommands(remote: string): string {
  return [`git remote add wherry ${remote}`, 'git push wherry HEAD:main'].join('\n');
}

/** What to paste to have a first function, from nothing. */
export function firstFunctionCommands(remote: string): string {
  return [
    'mkdir hello && cd hello && git init --initial-branch=main',
    'echo \'module.exports = async (event, context) => context.succeed(`Hello, ${event.query.name ?? "world"}!`);\' > handler.js',
    `echo '{ "name": "hello", "main": "handler.js" }' > package.json`,
    'git add . && git commit -m "Say hello"',
    pushCommands(remote),
  ].join('\n');
}
