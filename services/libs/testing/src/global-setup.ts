/** Starts what medium tests share. */
export default async function setup(): Promise<void> {}
