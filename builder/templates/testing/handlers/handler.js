'use strict';
const { existsSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const opened = async (gate) => {
  while (!existsSync(join(process.env.WORK, gate))) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** What the contract suite wants of every template, by the path of the call. */
const answers = {
  '/about': ({ method, path, query, headers }) => `${method} ${path} ${query.word} ${headers['x-colour']}`,
  '/echo': ({ body }, context) => context.headers({ 'content-type': 'application/octet-stream' }).succeed(body),
  '/drop': () => 'dropped',
  '/fail': () => {
    throw new Error('the anchor is missing');
  },
  '/hang': () => new Promise(() => {}),
  '/wait': async () => {
    console.log('waiting');
    await opened('wait');
    return 'waited';
  },
  '/meet': async ({ query }) => {
    writeFileSync(join(process.env.WORK, `at-${query.word}`), '');
    await Promise.all([opened('at-a'), opened('at-b'), opened('at-c')]);
    return query.word;
  },
  '/say': async ({ query }) => {
    console.log(`${query.word} says one\n${query.word} says two`);
    await opened('say');
    process.stderr.write(`${query.word} complains\n`);
    return 'said';
  },
  '/stream': () =>
    (async function* () {
      yield 'first\n';
      await opened('stream');
      yield 'second\n';
    })(),
};

module.exports = async (event, context) => answers[event.path](event, context);
