import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from '../app.module.js';
import { setupApp } from '../app.setup.js';
import { loadSettings } from '../config/config.module.js';
import { Settings } from '../config/settings.js';

try {
  // Before anything else is said: whoever set something wrong reads that alone.
  loadSettings();
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    bufferLogs: true,
    abortOnError: false,
    forceCloseConnections: true,
  });
  setupApp(app);
  const { port, host } = app.get(Settings);
  await app.listen(port, host);
} catch (error) {
  // Nothing runs that could log it: the message is for whoever starts the server.
  process.stderr.write(`DevForge cannot start.\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
