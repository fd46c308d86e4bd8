import { type Column, getTableColumns, getTableName, type Table } from 'drizzle-orm';
import type { ClientBase } from 'pg';

type Row = Readonly<Record<string, unknown>>;

export interface InsertedTable {
  table: Table;
  /** Properties of the columns that the database fills. */
  without?: readonly string[];
}

/**
 * Inserts one row into each of several tables by one statement, all or none. Its text is made once, and each connection
 * prepares it once: both take longer than the insertion.
 */
export class RowsInsertion {
  private readonly text: string;
  private readonly columns: [property: string, column: Column][][];

  /** @param name of the statement, which no other one has */
  constructor(
    private readonly name: string,
    tables: readonly InsertedTable[],
  ) {
    this.columns = tables.map(({ table, without = [] }) =>
      Object.entries(getTableColumns(table)).filter(([property]) => !without.includes(property)),
    );
    let parameters = 0;
    const inserts = tables.map(({ table }, at) => {
      const columns = this.columns[at]!;
      const names = columns.map(([, { name: column }]) => `"${column}"`).join();
      const values = columns.map(() => `$${(parameters += 1)}`).join();
      return `insert into "${getTableName(table)}" (${names}) values (${values})`;
    });
    const parts = inserts.slice(0, -1).map((insert, at) => `part_${at} as (${insert})`);
    this.text = `${parts.length === 0 ? '' : `with ${parts.join(', ')} `}${inserts.at(-1)!}`;
  }

  /** @param rows one for each table, in the same order */
  async run(client: ClientBase, rows: readonly Row[]): Promise<void> {
    const values = this.columns.flatMap((columns, at) =>
      columns.map(([property, column]) => {
        const value = rows[at]![property] ?? null;
        return value === null ? null : column.mapToDriverValue(value);
      }),
    );
    await client.query({ name: this.name, text: this.text, values });
  }
}
