import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';

const DIALECT = new PgDialect();

/** A statement with the values of its parameters. */
export interface BoundStatement {
  readonly text: string;
  readonly values: unknown[];
}

/** A statement whose text is built once, since building it takes about as long as a small query. */
export class StatementText {
  private readonly text: string;
  private readonly parameters: unknown[];

  /** @param statement with a `sql.placeholder` for each value that differs from one execution to the next */
  constructor(statement: SQL) {
    const { sql, params } = DIALECT.sqlToQuery(statement);
    this.text = sql;
    this.parameters = params;
  }

  /** @throws Error when one of the placeholders has no value */
  bind(values: Record<string, unknown>): BoundStatement {
    return { text: this.text, values: fillPlaceholders(this.parameters, values) };
  }
}
