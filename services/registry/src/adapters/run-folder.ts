import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Where the registry's images are, and what this process and the registry say to each other. */
export type RunFolder = Readonly<{
  imagesDir: string;
  configFile: string;
  certificateFile: string;
  socketFile: string;
}>;

/** Linux takes no longer path of a socket (unix(7)). */
const longestSocket = 107;

/**
 * Makes the folders below the data folder. What a former process left in `run/` is removed; images stay.
 * @throws Error when the folder is not one that this process may write, or its path is too long.
 */
export async function makeRunFolder(dataDir: string): Promise<RunFolder> {
  const runDir = path.resolve(dataDir, 'run');
  const socketFile = path.join(runDir, 'registry.sock');
  if (Buffer.byteLength(socketFile) > longestSocket) {
    throw new Error('The path of WHERRY_REGISTRY_DATA_DIR is too long: choose one of at most 80 bytes.');
  }
  try {
    await rm(runDir, { recursive: true, force: true });
    await mkdir(runDir, { recursive: true, mode: 0o700 });
    await mkdir(path.resolve(dataDir, 'images'), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Error('The folder WHERRY_REGISTRY_DATA_DIR cannot be written: give it to the user of this process.', {
      cause,
    });
  }
  return {
    socketFile,
    imagesDir: path.resolve(dataDir, 'images'),
    configFile: path.join(runDir, 'config.json'),
    certificateFile: path.join(runDir, 'tokens.crt'),
  };
}

export async function writePrivateFile(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
}
