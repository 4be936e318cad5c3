export { unansweredAlerts } from './alerts';
export * from './template';
export * from './test-database';
export * from './seed-tenant';
export { startTestServer, type TestServer } from './global-setup';
