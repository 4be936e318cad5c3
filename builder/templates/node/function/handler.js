'use strict';

/** event: body, headers, method, path, query. Return the answer, or give it to context.succeed or context.fail. */
module.exports = async (event, context) => {
  return context.status(200).succeed({ method: event.method, path: event.path, body: event.body });
};
