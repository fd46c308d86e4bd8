import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Public, Requires } from './requires.js';
import { RoutePermissions } from './route-permissions.js';

@Controller('declared')
class Declared {
  @Get()
  @Requires('container:read')
  list(): void {}

  @Get('live')
  @Public()
  live(): void {}

  helper(): void {}
}

@Public()
@Controller('probes')
class Probes {
  @Get()
  ready(): void {}
}

@Controller('open')
class Open {
  @Get()
  @Requires('container:read')
  list(): void {}

  @Get(':id')
  get(): void {}

  @Post()
  create(): void {}
}

async function start(...controllers: (new () => object)[]): Promise<void> {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers,
    providers: [RoutePermissions],
  }).compile();
  await module.init();
  await module.close();
}

describe('RoutePermissions', () => {
  it('lets the server start when every route names its permission or is public', async () => {
    await expect(start(Declared, Probes)).resolves.toBeUndefined();
  });

  it('stops the start and names every route that does neither', async () => {
    await expect(start(Declared, Open)).rejects.toThrow('Open.get, Open.create.');
  });
});
