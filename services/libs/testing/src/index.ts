export * from './template';
export * from './test-database';
export * from './seed-tenant';
