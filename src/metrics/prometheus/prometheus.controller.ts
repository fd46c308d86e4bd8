import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { ScrapedMetrics } from './scraped-metrics.js';

/** The media type itself; Prometheus's registry adds the version of the format. */
const MEDIA_TYPE = 'text/plain';

@ApiTags('metrics')
@ApiBearerAuth()
@Controller('metrics')
export class PrometheusController {
  constructor(
    private readonly registry: Registry,
    @Inject(ScrapedMetrics) private readonly scraped: readonly ScrapedMetrics[],
  ) {}

  @Get()
  @ApiOperation({ summary: 'For Prometheus: DevForge itself and its containers' })
  @ApiProduces(MEDIA_TYPE)
  @ApiResponse({ status: 200, content: { [MEDIA_TYPE]: { schema: { type: 'string' } } } })
  async scrape(@Res() response: Response): Promise<void> {
    await Promise.all(this.scraped.map((figures) => figures.refresh()));
    response.type(this.registry.contentType).send(await this.registry.metrics());
  }
}
