import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { ScrapedMetrics } from './scraped-metrics.js';
import { Requires } from '../../auth/requires.js';

/** Media type for the API documentation; the registry adds the version of the format. */
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
  @Requires('server:metrics')
  @ApiOperation({ summary: 'Metrics of DevForge and its containers for Prometheus' })
  @ApiProduces(MEDIA_TYPE)
  @ApiResponse({
    status: 200,
    description: 'In the text format of Prometheus',
    content: { [MEDIA_TYPE]: { schema: { type: 'string' } } },
  })
  async scrape(@Res() response: Response): Promise<void> {
    await Promise.all(this.scraped.map((metrics) => metrics.refresh()));
    response.type(this.registry.contentType).send(await this.registry.metrics());
  }
}
