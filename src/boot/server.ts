import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { reportOf, safeMessageOf } from '../common/errors/error-report.js';
import type { Server } from 'node:http';
import { limitConnections } from '../http/connection-limits.js';
import { refuseRepeatedHeaders } from '../http/repeated-headers.js';
import { AppModule } from '../app.module.js';
import { setupApp } from '../app.setup.js';
import { loadSettings } from '../config/config.module.js';
import { Settings } from '../config/settings.js';
import { refuseUnsuitableEngine } from '../drivers/refuse-engine.js';
import { prepareDataDir } from './data-dir.js';
import { listen } from './listen.js';

/** For an embedded database and workers that have started although the server cannot listen. */
const CLOSE_TIMEOUT_MS = 8_000;

process.on('uncaughtException', (error) => {
  // Node would print all of it.
  process.stderr.write(
    `${JSON.stringify({ level: 60, msg: 'DevForge ends for an unexpected error', err: reportOf(error) })}\n`,
  );
  process.exit(1);
});

try {
  // Validated before anything is logged, so that an operator with invalid settings sees only those.
  const settings = loadSettings();
  prepareDataDir(settings);
  await refuseUnsuitableEngine(settings);
  const app = await NestFactory.create<NestExpressApplication>(AppModule, {
    bufferLogs: true,
    abortOnError: false,
    forceCloseConnections: true,
    // Bodies are read once the client is authenticated.
    bodyParser: false,
  });
  setupApp(app);
  await app.init();
  limitConnections(app.getHttpServer() as Server, app.get(Settings).keepAliveSeconds);
  refuseRepeatedHeaders(app.getHttpServer() as Server);
  await listen(app, app.get(Settings)).catch(async (error: unknown) => {
    await withTimeout(app.close(), CLOSE_TIMEOUT_MS).catch(() => undefined);
    throw error;
  });
} catch (error) {
  // The logger may not exist yet.
  process.stderr.write(`DevForge cannot start.\n${safeMessageOf(error)}\n`);
  process.exit(1);
}
