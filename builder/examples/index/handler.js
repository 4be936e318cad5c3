'use strict';

const { readFileSync } = require('node:fs');
const path = require('node:path');

const page = readFileSync(path.join(__dirname, 'page.html'), 'utf8');

/** Answers the root; any other path of the host that names no function ends here too. */
module.exports = async (event, context) => {
  const isHome = event.path === '/';
  return context
    .status(isHome ? 200 : 404)
    .headers({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .succeed(isHome ? page : page.replace('Functions on the water', 'Nothing is moored here'));
};
