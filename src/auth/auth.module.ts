import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AdminToken } from './admin-token.js';
import { BearerGuard } from './bearer.guard.js';

@Global()
@Module({
  providers: [AdminToken, { provide: APP_GUARD, useClass: BearerGuard }],
  exports: [AdminToken],
})
export class AuthModule {}
