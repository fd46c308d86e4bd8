import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { messageOf } from '../common/errors/message-of.js';
import { AppModule } from '../app.module.js';
import { setupApp } from '../app.setup.js';
import { loadSettings } from '../config/config.module.js';
import { Settings } from '../config/settings.js';

try {
  // Validated before anything is logged, so that an operator with invalid settings sees only those.
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
  // The logger may not exist yet.
  process.stderr.write(`DevForge cannot start.\n${messageOf(error)}\n`);
  process.exit(1);
}
