import { customType, timestamp } from 'drizzle-orm/pg-core';

/** A moment, to the millisecond as JavaScript has it. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });

export const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
