import { Injectable } from '@nestjs/common';
import { ModelProblems } from '../../agent-state/model-problems.js';
import { SpendCollector } from '../../spend/spend-collector.js';
import { DenialStore } from './denial-store.js';

/** Where what the gateway reports goes. */
@Injectable()
export class GatewayReports {
  constructor(
    readonly denials: DenialStore,
    readonly spend: SpendCollector,
    readonly modelProblems: ModelProblems,
  ) {}
}
