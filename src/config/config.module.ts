import { Global, Module } from '@nestjs/common';
import { existsSync } from 'node:fs';
import { readSettings } from './environment.js';
import { Settings } from './settings.js';

/**
 * Reads `.env` and the environment; what is set in the environment wins.
 * @throws InvalidEnvironmentError with every fault found
 */
export function loadSettings(): Settings {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readSettings(process.env);
}

@Global()
@Module({
  providers: [{ provide: Settings, useFactory: loadSettings }],
  exports: [Settings],
})
export class ConfigModule {}
