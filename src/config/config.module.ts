import { Global, Module } from '@nestjs/common';
import { existsSync } from 'node:fs';
import { readSettings } from './environment.js';
import { Settings } from './settings.js';

/** Reads `.env` and the environment once; what is set in the environment wins. */
@Global()
@Module({
  providers: [
    {
      provide: Settings,
      useFactory: (): Settings => {
        if (existsSync('.env')) process.loadEnvFile('.env');
        return readSettings(process.env);
      },
    },
  ],
  exports: [Settings],
})
export class ConfigModule {}
