import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './src/persistence/audit/audit.schema.ts',
    './src/persistence/auth/auth.schema.ts',
    './src/persistence/auth/users/users.schema.ts',
    './src/persistence/auth/users/sessions.schema.ts',
    './src/persistence/containers/containers.schema.ts',
    './src/persistence/credentials/credentials.schema.ts',
    './src/persistence/egress/egress.schema.ts',
    './src/persistence/instructions/instructions.schema.ts',
    './src/persistence/rate-limits/rate-limits.schema.ts',
    './src/persistence/snapshots/snapshots.schema.ts',
    './src/persistence/spend/spend.schema.ts',
    './src/persistence/warm-pool/warm-pool.schema.ts',
  ],
  out: './src/persistence/migrations',
});
