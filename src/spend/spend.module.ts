import { Module } from '@nestjs/common';
import { ModelPriceTable } from './model-price-table.js';
import { SpendCollector } from './spend-collector.js';
import { SpendCounters } from './spend-counters.js';
import { SpendFolding } from './spend-folding.js';
import { SpendReports } from './spend-reports.js';
import { SpendingRulesSource } from './spending-rules.js';

@Module({
  providers: [ModelPriceTable, SpendCollector, SpendCounters, SpendFolding, SpendingRulesSource, SpendReports],
  exports: [ModelPriceTable, SpendCollector, SpendCounters, SpendingRulesSource, SpendReports],
})
export class SpendModule {}
