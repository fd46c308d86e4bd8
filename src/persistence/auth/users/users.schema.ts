import { index, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { timestamptz } from '../../columns.js';
import type { UserRole } from '../../types.js';

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    /** In lower case. */
    email: text('email').notNull(),
    name: text('name').notNull(),
    role: text('role').$type<UserRole>().notNull(),
    /** Argon2id in the PHC string format; null until a password is set. */
    passwordHash: text('password_hash'),
    createdAt: timestamptz('created_at').notNull(),
    disabledAt: timestamptz('disabled_at'),
    lastSignInAt: timestamptz('last_sign_in_at'),
  },
  (table) => [uniqueIndex('users_email').on(table.email)],
);

/** Whom an OpenID provider's subjects are. */
export const userIdentities = pgTable(
  'user_identities',
  {
    issuer: text('issuer').notNull(),
    subject: text('subject').notNull(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: timestamptz('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.issuer, table.subject] }), index('user_identities_user').on(table.userId)],
);

/** Links with which a user sets a password; one per user at most. */
export const invitations = pgTable(
  'invitations',
  {
    /** SHA-256 of the secret in the link, in hexadecimal. */
    hash: text('hash').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    expiresAt: timestamptz('expires_at').notNull(),
  },
  (table) => [uniqueIndex('invitations_user').on(table.userId)],
);

/** Failed sign-ins of an account or an address within the last minute. */
export const signInFailures = pgTable(
  'sign_in_failures',
  {
    /** A hash of the account or the address. */
    key: text('key').primaryKey(),
    count: integer('count').notNull(),
    windowStart: timestamptz('window_start').notNull(),
  },
  (table) => [index('sign_in_failures_window').on(table.windowStart)],
);
