import { type Column, getTableColumns, type InferSelectModel, sql, type SQL, type Table } from 'drizzle-orm';
import type { Pool } from 'pg';
import { StatementText } from './statement-text.js';

/**
 * Reads whole rows of a table. The text of the statement is built once, and each connection prepares it once: both take
 * longer than to find a few rows.
 */
export class RowsSelection<From extends Table> {
  private readonly columns: [property: string, column: Column][];
  private readonly statement: StatementText;

  /**
   * @param name of the statement, which no other one has
   * @param rest what comes after the table, with a `sql.placeholder` for each value
   */
  constructor(
    private readonly name: string,
    table: From,
    rest: SQL,
  ) {
    this.columns = Object.entries(getTableColumns(table));
    const columns = sql.join(
      this.columns.map(([, column]) => sql`${column}`),
      sql`, `,
    );
    this.statement = new StatementText(sql`select ${columns} from ${table} ${rest}`);
  }

  /** @param values of the placeholders */
  async run(pool: Pool, values: Record<string, unknown>): Promise<InferSelectModel<From>[]> {
    const { rows } = await pool.query<unknown[]>({
      name: this.name,
      ...this.statement.bind(values),
      rowMode: 'array',
    });
    return rows.map((row) => this.decode(row));
  }

  private decode(row: unknown[]): InferSelectModel<From> {
    const decoded: Record<string, unknown> = {};
    for (let at = 0; at < this.columns.length; at += 1) {
      const [property, column] = this.columns[at]!;
      const value = row[at];
      decoded[property] = value === null ? null : column.mapFromDriverValue(value);
    }
    return decoded as InferSelectModel<From>;
  }
}
