'use strict';

module.exports = async (event, context) => {
  return context.status(200).succeed({ method: event.method, path: event.path, body: event.body });
};
