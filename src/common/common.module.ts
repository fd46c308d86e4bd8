import { Global, Module } from '@nestjs/common';
import { Clock, SystemClock } from './time/clock.js';
import { IdGenerator, RandomIdGenerator } from './id-generator.js';

@Global()
@Module({
  providers: [
    { provide: Clock, useClass: SystemClock },
    { provide: IdGenerator, useClass: RandomIdGenerator },
  ],
  exports: [Clock, IdGenerator],
})
export class CommonModule {}
