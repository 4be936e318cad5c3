export * from './addresses';
export * from './deployment-status';
export * from './ids';
export * from './member-roles';
export * from './metering';
export * from './names';
export * from './revision-config';
export * from './urls';
