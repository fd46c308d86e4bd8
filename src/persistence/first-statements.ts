import { escapeLiteral, type PoolClient, type QueryResult } from 'pg';
import type { BoundStatement } from './statement-text.js';

export type Rows = Record<string, unknown>[];

/** The names of what each connection has prepared, by the text of the statement. */
const prepared = new WeakMap<PoolClient, Map<string, string>>();

/**
 * Begins a transaction and runs statements in it, in one round trip. Each of them sees what was committed until it begins. A
 * connection prepares each of them once, since planning takes longer than what they do. After an error the connection is of
 * no use.
 *
 * @param statements whose values are texts or numbers
 * @param ahead work that is sent behind them, without waiting for them
 * @returns the rows of each statement, as the driver returns them, and how the work ended
 */
export async function beginWith(
  client: PoolClient,
  statements: readonly BoundStatement[],
  ahead: ((client: PoolClient) => Promise<void>) | undefined,
): Promise<[rows: Rows[], ahead: PromiseSettledResult<void> | undefined]> {
  const { preparations, executions } = namedBy(client, statements);
  const text = [...preparations, 'begin', ...executions].join('; ');
  const [results, sent] = await inPipeline(client, () =>
    Promise.allSettled([client.query(text) as Promise<unknown>, ahead?.(client)]),
  );
  if (results.status === 'rejected') throw results.reason;
  const rows = (results.value as QueryResult[]).slice(preparations.length + 1).map((result) => result.rows as Rows);
  return [rows, ahead === undefined ? undefined : (sent as PromiseSettledResult<void>)];
}

function namedBy(
  client: PoolClient,
  statements: readonly BoundStatement[],
): { preparations: string[]; executions: string[] } {
  const names = prepared.get(client) ?? new Map<string, string>();
  prepared.set(client, names);
  const preparations: string[] = [];
  const executions = statements.map(({ text, values }) => {
    let name = names.get(text);
    if (name === undefined) {
      name = `first_${names.size}`;
      names.set(text, name);
      preparations.push(`prepare ${name} as ${text}`);
    }
    const literals = values.map((value) => escapeLiteral(String(value)));
    return literals.length === 0 ? `execute ${name}` : `execute ${name}(${literals.join()})`;
  });
  return { preparations, executions };
}

/** Lets the driver send queries without waiting for those before, until the work is done. */
async function inPipeline<Result>(client: PoolClient, work: () => Promise<Result>): Promise<Result> {
  const mode = client as { pipeline: boolean };
  mode.pipeline = true;
  try {
    return await work();
  } finally {
    mode.pipeline = false;
  }
}
