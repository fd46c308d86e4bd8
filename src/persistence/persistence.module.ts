import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/time/clock.js';
import { IdGenerator } from '../common/id-generator.js';
import { Settings } from '../config/settings.js';
import { AccessRevisionsRepository } from './auth/access-revisions.repository.js';
import { DrizzleAccessRevisionsRepository } from './auth/drizzle-access-revisions.repository.js';
import { ApiKeysRepository } from './auth/api-keys.repository.js';
import { DrizzleApiKeysRepository } from './auth/drizzle-api-keys.repository.js';
import { ProjectsRepository } from './auth/projects.repository.js';
import { DrizzleProjectsRepository } from './auth/drizzle-projects.repository.js';
import { MembershipsRepository } from './auth/users/memberships.repository.js';
import { DrizzleMembershipsRepository } from './auth/users/drizzle-memberships.repository.js';
import { SessionsRepository } from './auth/users/sessions.repository.js';
import { DrizzleSessionLinksRepository } from './auth/users/drizzle-session-links.repository.js';
import { SessionLinksRepository } from './auth/users/session-links.repository.js';
import { DrizzleSessionsRepository } from './auth/users/drizzle-sessions.repository.js';
import { SignInFailuresRepository } from './auth/users/sign-in-failures.repository.js';
import { DrizzleSignInFailuresRepository } from './auth/users/drizzle-sign-in-failures.repository.js';
import { UsersRepository } from './auth/users/users.repository.js';
import { DrizzleUsersRepository } from './auth/users/drizzle-users.repository.js';
import { AuditEventsRepository } from './audit/audit-events.repository.js';
import { DrizzleAuditEventsRepository } from './audit/drizzle-audit-events.repository.js';
import { ContainersRepository } from './containers/containers.repository.js';
import { CredentialsRepository } from './credentials/credentials.repository.js';
import { Database } from './database.js';
import { DrizzleCredentialsRepository } from './credentials/drizzle-credentials.repository.js';
import { DrizzleContainersRepository } from './containers/drizzle-containers.repository.js';
import { DrizzleInstructionDiffsRepository } from './instructions/drizzle-instruction-diffs.repository.js';
import { DrizzleInstructionEventsRepository } from './instructions/drizzle-instruction-events.repository.js';
import { DrizzleInstructionPermissionsRepository } from './instructions/drizzle-instruction-permissions.repository.js';
import { DrizzleInstructionsRepository } from './instructions/drizzle-instructions.repository.js';
import { DrizzleJobsRepository } from './containers/drizzle-jobs.repository.js';
import { DrizzleSignInTicketsRepository } from './auth/drizzle-sign-in-tickets.repository.js';
import { PostgresLocks } from './postgres-locks.js';
import { EgressDenialsRepository } from './egress/egress-denials.repository.js';
import { DrizzleEgressDenialsRepository } from './egress/drizzle-egress-denials.repository.js';
import { EmbeddedPostgres } from './embedded/embedded-postgres.js';
import { InstructionDiffsRepository } from './instructions/instruction-diffs.repository.js';
import { InstructionEventsRepository } from './instructions/instruction-events.repository.js';
import { InstructionPermissionsRepository } from './instructions/instruction-permissions.repository.js';
import { InstructionsRepository } from './instructions/instructions.repository.js';
import { JobsRepository } from './containers/jobs.repository.js';
import { DrizzleWarmPoolRepository } from './warm-pool/drizzle-warm-pool.repository.js';
import { WarmPoolRepository } from './warm-pool/warm-pool.repository.js';
import { Locks } from './locks.js';
import { Presence } from './presence.js';
import { DrizzleRateLimitCountsRepository } from './rate-limits/drizzle-rate-limit-counts.repository.js';
import { RateLimitCountsRepository } from './rate-limits/rate-limit-counts.repository.js';
import { SignInTicketsRepository } from './auth/sign-in-tickets.repository.js';
import { DrizzleSpendRepository } from './spend/drizzle-spend.repository.js';
import { DrizzleSnapshotsRepository } from './snapshots/drizzle-snapshots.repository.js';
import { SnapshotsRepository } from './snapshots/snapshots.repository.js';
import { SpendRepository } from './spend/spend.repository.js';

/** Opens the database named by `DATABASE_URL`, or the embedded one. */
async function openDatabase(settings: Settings, logger: PinoLogger): Promise<Database> {
  logger.setContext(Database.name);
  const onError = (error: Error): void => logger.warn({ err: error }, 'A database connection broke');
  const database =
    settings.databaseUrl === undefined
      ? await openEmbedded(settings, logger, onError)
      : new Database({ connectionString: settings.databaseUrl }, onError);
  await database.migrate();
  return database;
}

async function openEmbedded(
  settings: Settings,
  logger: PinoLogger,
  onError: (error: Error) => void,
): Promise<Database> {
  const server = new EmbeddedPostgres({ dataDir: settings.dataDir, log: (message) => logger.info(message) });
  // The private socket has no TLS; this overrides PGSSLMODE.
  return new Database({ ...(await server.start()), ssl: false }, onError, () => server.stop());
}

async function announcePresence(
  database: Database,
  clock: Clock,
  ids: IdGenerator,
  logger: PinoLogger,
): Promise<Presence> {
  logger.setContext(Presence.name);
  const presence = new Presence(database, clock, ids, logger);
  await presence.announce();
  return presence;
}

@Global()
@Module({
  providers: [
    { provide: Database, useFactory: openDatabase, inject: [Settings, PinoLogger] },
    { provide: ContainersRepository, useClass: DrizzleContainersRepository },
    { provide: JobsRepository, useClass: DrizzleJobsRepository },
    { provide: InstructionsRepository, useClass: DrizzleInstructionsRepository },
    { provide: InstructionEventsRepository, useClass: DrizzleInstructionEventsRepository },
    { provide: InstructionPermissionsRepository, useClass: DrizzleInstructionPermissionsRepository },
    { provide: InstructionDiffsRepository, useClass: DrizzleInstructionDiffsRepository },
    { provide: SignInTicketsRepository, useClass: DrizzleSignInTicketsRepository },
    { provide: AccessRevisionsRepository, useClass: DrizzleAccessRevisionsRepository },
    { provide: ApiKeysRepository, useClass: DrizzleApiKeysRepository },
    { provide: ProjectsRepository, useClass: DrizzleProjectsRepository },
    { provide: AuditEventsRepository, useClass: DrizzleAuditEventsRepository },
    { provide: CredentialsRepository, useClass: DrizzleCredentialsRepository },
    { provide: EgressDenialsRepository, useClass: DrizzleEgressDenialsRepository },
    { provide: RateLimitCountsRepository, useClass: DrizzleRateLimitCountsRepository },
    { provide: SnapshotsRepository, useClass: DrizzleSnapshotsRepository },
    { provide: SpendRepository, useClass: DrizzleSpendRepository },
    { provide: MembershipsRepository, useClass: DrizzleMembershipsRepository },
    { provide: SessionLinksRepository, useClass: DrizzleSessionLinksRepository },
    { provide: SessionsRepository, useClass: DrizzleSessionsRepository },
    { provide: SignInFailuresRepository, useClass: DrizzleSignInFailuresRepository },
    { provide: UsersRepository, useClass: DrizzleUsersRepository },
    { provide: WarmPoolRepository, useClass: DrizzleWarmPoolRepository },
    { provide: Locks, useClass: PostgresLocks },
    { provide: Presence, useFactory: announcePresence, inject: [Database, Clock, IdGenerator, PinoLogger] },
  ],
  exports: [
    Database,
    ContainersRepository,
    JobsRepository,
    InstructionsRepository,
    InstructionEventsRepository,
    InstructionPermissionsRepository,
    InstructionDiffsRepository,
    SignInTicketsRepository,
    AccessRevisionsRepository,
    ProjectsRepository,
    ApiKeysRepository,
    AuditEventsRepository,
    CredentialsRepository,
    EgressDenialsRepository,
    RateLimitCountsRepository,
    SnapshotsRepository,
    SpendRepository,
    MembershipsRepository,
    SessionLinksRepository,
    SessionsRepository,
    SignInFailuresRepository,
    UsersRepository,
    WarmPoolRepository,
    Locks,
    Presence,
  ],
})
export class PersistenceModule implements OnApplicationShutdown {
  constructor(@Inject(Database) private readonly database: Database) {}

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
