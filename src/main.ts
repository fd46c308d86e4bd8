import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { setupApp } from './app.setup.js';
import { Settings } from './config/settings.js';

try {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { bufferLogs: true, abortOnError: false, forceCloseConnections: true });
  setupApp(app);
  const { port, host } = app.get(Settings);
  await app.listen(port, host);
} catch (error) {
  // Nothing runs that could log it: the message is for whoever starts the server.
  process.stderr.write(`DevForge cannot start.\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
  setTimeout(() => process.exit(1), 500).unref();
}
