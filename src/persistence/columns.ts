import { customType, timestamp } from 'drizzle-orm/pg-core';

/** A timestamp with the precision of JavaScript, one millisecond. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });

export const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
