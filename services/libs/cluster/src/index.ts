export * from './names';
export * from './client';
export * from './policy-model';
export * from './tenancy';
export * from './probe';
export * from './rbac';
