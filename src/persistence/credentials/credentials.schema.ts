import { sql } from 'drizzle-orm';
import { check, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { projects } from '../auth/auth.schema.js';
import { users } from '../auth/users/users.schema.js';
import { bytes, timestamptz } from '../columns.js';
import type { CredentialKind } from '../types.js';

/** Secrets that containers use, of a project or of a user. The values are encrypted; nothing but `lastUsedAt` and the encryption changes. */
export const credentials = pgTable(
  'credentials',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    kind: text('kind').$type<CredentialKind>().notNull(),
    /** null for the credential of a user. */
    projectId: uuid('project_id').references(() => projects.id, { onDelete: 'cascade' }),
    /** null for the credential of a project. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** Where it may be sent: a host, with a port unless it is the usual one. */
    host: text('host'),
    username: text('username'),
    /** Name of the header that a secret for an HTTP host goes into. */
    header: text('header'),
    /** Of an SSH key, as `ssh-keygen -l` shows it. */
    fingerprint: text('fingerprint'),
    /** The key that `sealed` is encrypted with. */
    keyId: text('key_id').notNull(),
    /** Nonce, authentication tag and ciphertext of AES-256-GCM. */
    sealed: bytes('sealed').notNull(),
    /** Id of the principal that made it. */
    createdBy: text('created_by').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    lastUsedAt: timestamptz('last_used_at'),
  },
  (table) => [
    index('credentials_project').on(table.projectId, table.createdAt, table.id),
    index('credentials_user').on(table.userId),
    index('credentials_key').on(table.keyId, table.id),
    check('credentials_of_project_or_user', sql`(${table.projectId} is null) <> (${table.userId} is null)`),
  ],
);
