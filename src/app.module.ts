import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { AgentsModule } from './agents/agents.module.js';
import { AuthModule } from './auth/auth.module.js';
import { PermissionsModule } from './auth/permission.guard.js';
import { CommonModule } from './common/common.module.js';
import { jobFailureToDomainError } from './common/errors/job-failure.js';
import { ErrorTranslators } from './common/errors/error-translators.js';
import { JsonBodyInterceptor } from './http/bodies/json-body.interceptor.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ConfigModule } from './config/config.module.js';
import { loggingModule } from './common/logging.module.js';
import { notHeldToDomainError } from './containers/lifecycle/container-store.js';
import { ConsoleModule } from './console/console.module.js';
import { ContainersModule } from './containers/containers.module.js';
import { CredentialsModule } from './credentials/credentials.module.js';
import { EditorModule } from './editor/editor.module.js';
import { ExecModule } from './exec/exec.module.js';
import { EventsModule } from './events/events.module.js';
import { FilesModule } from './files/files.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { InstructionsModule } from './instructions/instructions.module.js';
import { InfoModule } from './info/info.module.js';
import { LogsModule } from './logs/logs.module.js';
import { HealthModule } from './health/health.module.js';
import { databaseErrorToDomainError } from './persistence/database-error.js';
import { PersistenceModule } from './persistence/persistence.module.js';
import { ProvisioningModule } from './provisioning/provisioning.module.js';
import { QueuesModule } from './queues/queues.module.js';
import { driverErrorToDomainError } from './drivers/driver-error-translation.js';
import { RateLimitsModule } from './rate-limits/rate-limits.module.js';
import { RealtimeModule } from './realtime/realtime.module.js';
import { DriversModule } from './drivers/drivers.module.js';
import { TerminalsModule } from './terminals/terminals.module.js';

@Global()
@Module({
  providers: [
    {
      provide: ErrorTranslators,
      useValue: [driverErrorToDomainError, databaseErrorToDomainError, notHeldToDomainError, jobFailureToDomainError],
    },
  ],
  exports: [ErrorTranslators],
})
class ErrorTranslationModule {}

/** The root module: imports every module of the server. */
@Module({
  imports: [
    ConfigModule,
    loggingModule(),
    CommonModule,
    ErrorTranslationModule,
    EventsModule,
    PersistenceModule,
    QueuesModule,
    DriversModule,
    RealtimeModule,
    AuthModule,
    RateLimitsModule,
    PermissionsModule,
    CredentialsModule,
    ContainersModule,
    ProvisioningModule,
    EditorModule,
    InstructionsModule,
    AgentsModule,
    TerminalsModule,
    ExecModule,
    FilesModule,
    LogsModule,
    MetricsModule,
    HealthModule,
    InfoModule,
    ConsoleModule,
  ],
  providers: [
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_INTERCEPTOR, useClass: JsonBodyInterceptor },
  ],
})
export class AppModule {}
