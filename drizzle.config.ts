import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/persistence/schema.ts', './src/persistence/instructions.schema.ts'],
  out: './src/persistence/migrations',
});
