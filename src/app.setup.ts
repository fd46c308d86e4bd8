import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Server } from 'node:http';
import { Logger } from 'nestjs-pino';
import { RefusalLog } from './auth/audit/refusal-log.js';
import { setupDocs } from './boot/docs-pages.js';
import { MAX_HEADER_BYTES } from './common/limits.js';
import { limitShutdown } from './boot/shutdown-limit.js';
import { requestContexts } from './http/request-context.middleware.js';
import { limitHeaders, limitUpgrades } from './http/upgrades.js';
import { StrictValidationPipe } from './http/validation/validation.js';
import { Settings } from './config/settings.js';
import { SiteAddresses } from './sites/site-addresses.js';
import { DevForgeIoAdapter } from './realtime/server/devforge-io.adapter.js';

/** What a page may read of an answer, beside its body. */
const EXPOSED_HEADERS = [
  'Location',
  'Retry-After',
  'X-Request-Id',
  'Preference-Applied',
  'ETag',
  'Content-Range',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
];
const SOCKET_PATH = '/socket.io/';

/** Configures pipes, CORS, documentation and shutdown of an application, for the server and for tests. */
export function setupApp(app: NestExpressApplication): void {
  const settings = app.get(Settings);
  app.useLogger(app.get(Logger));
  app.disable('x-powered-by');
  app.set('trust proxy', settings.trustedProxies);
  app.use(requestContexts(app.get(RefusalLog).onError));
  setupConnections(app);
  app.useGlobalPipes(new StrictValidationPipe());
  app.enableCors({
    origin: settings.corsOrigins.includes('*') ? '*' : settings.corsOrigins,
    exposedHeaders: EXPOSED_HEADERS,
  });
  app.useWebSocketAdapter(new DevForgeIoAdapter(app));
  app.enableShutdownHooks();
  limitShutdown(app.get(Logger));
  setupDocs(app);
}

function setupConnections(app: NestExpressApplication): void {
  const server = app.getHttpServer() as Server;
  limitHeaders(server, MAX_HEADER_BYTES);
  const sites = app.get(SiteAddresses, { strict: false });
  limitUpgrades(
    server,
    ({ headers, url = '/' }) => url.startsWith(SOCKET_PATH) || sites.parse(headers.host, url) !== null,
  );
}
