import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { minutes, seconds, ThrottlerModule } from '@nestjs/throttler';
import { type RateLimitName, Settings } from '../config/settings.js';
import { COUNTS_AS_CREATE } from './counts-as-create.js';
import { LimiterStorage } from './limiter-storage.js';
import { RateLimitExchange } from './rate-limit-exchange.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { RateLimiter } from './rate-limiter.js';
import { Refusals } from './refusals.js';
import { Turns } from './turns.js';

@Global()
@Module({ providers: [RateLimiter, LimiterStorage], exports: [RateLimiter, LimiterStorage] })
class LimiterModule {}

/** Has to be imported after the module that authenticates: guards are called in the order of their modules. */
@Module({
  imports: [
    LimiterModule,
    ThrottlerModule.forRootAsync({
      inject: [Settings, LimiterStorage],
      useFactory: ({ rateLimits }: Settings, storage: LimiterStorage) => {
        const limit = (name: RateLimitName): number => rateLimits[name]?.burst ?? 0;
        return {
          storage,
          throttlers: [
            { name: 'default', ttl: seconds(10), limit: limit('requests'), skipIf: () => rateLimits.requests === null },
            {
              name: 'creates',
              ttl: minutes(1),
              limit: limit('creates'),
              skipIf: (context) =>
                rateLimits.creates === null || Reflect.getMetadata(COUNTS_AS_CREATE, context.getHandler()) !== true,
            },
          ],
        };
      },
    }),
  ],
  providers: [Refusals, Turns, RateLimitExchange, { provide: APP_GUARD, useClass: RateLimitGuard }],
})
export class RateLimitsModule {}
