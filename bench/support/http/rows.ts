import { Client } from 'pg';
import type { DevForgeProcess } from '../../../test/support/api/devforge-process.js';

const SOCKET = /socket (?<host>\S+), port (?<port>\d+)\)/;

/** The embedded database of a server, which has just started: of its log the latest part is kept alone. */
export function databaseOf(server: DevForgeProcess): { host: string; port: number } {
  const { host, port } = SOCKET.exec(server.log())?.groups ?? {};
  if (host === undefined) throw new Error('The server has not logged where its database is.');
  return { host, port: Number(port) };
}

/** Deletes the rows of the containers that were made since then. */
export async function deleteContainersAfter(time: Date, database: ReturnType<typeof databaseOf>): Promise<void> {
  const client = new Client({ ...database, user: 'devforge', database: 'devforge' });
  await client.connect();
  await client.query('delete from containers where created_at >= $1', [time]);
  await client.end();
}
