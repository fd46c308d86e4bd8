import { sql } from 'drizzle-orm';
import { check, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { timestamptz } from '../../columns.js';
import { apiKeys } from '../auth.schema.js';
import { users } from './users.schema.js';

/** Whose a browser is: one of these is set. */
const owner = () => ({
  userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
  /** The API key that it was signed in with, without which it is void. */
  apiKeyId: text('api_key_id').references(() => apiKeys.id, { onDelete: 'cascade' }),
  /** Derived from the administrator token that it was signed in with: with another token it is void. */
  adminKey: text('admin_key'),
});

/** Browsers that are signed in. The secret of the cookie is stored as its hash. */
export const sessions = pgTable(
  'sessions',
  {
    id: text('id').primaryKey(),
    /** SHA-256 of the secret, in hexadecimal. */
    secretHash: text('secret_hash').notNull(),
    ...owner(),
    address: text('address').notNull(),
    userAgent: text('user_agent').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    lastUsedAt: timestamptz('last_used_at').notNull(),
    expiresAt: timestamptz('expires_at').notNull(),
  },
  (table) => [
    index('sessions_user').on(table.userId, table.createdAt),
    index('sessions_api_key').on(table.apiKeyId),
    index('sessions_expires').on(table.expiresAt),
    check('sessions_one_owner', sql`num_nonnulls(${table.userId}, ${table.apiKeyId}, ${table.adminKey}) = 1`),
  ],
);

/** Single-use links that sign a browser in to the console. */
export const sessionLinks = pgTable(
  'session_links',
  {
    /** SHA-256 of the secret in the link, in hexadecimal. */
    hash: text('hash').primaryKey(),
    ...owner(),
    expiresAt: timestamptz('expires_at').notNull(),
  },
  (table) => [
    index('session_links_expires').on(table.expiresAt),
    check('session_links_one_owner', sql`num_nonnulls(${table.userId}, ${table.apiKeyId}, ${table.adminKey}) = 1`),
  ],
);
