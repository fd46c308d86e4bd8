import { Module } from '@nestjs/common';
import { EgressCounters } from './egress-counters.js';
import { EgressDenials } from './egress-denials.js';
import { EgressPolicies } from './egress-policies.js';

@Module({
  providers: [EgressCounters, EgressDenials, EgressPolicies],
  exports: [EgressCounters, EgressDenials, EgressPolicies],
})
export class EgressModule {}
