import { Injectable, type OnModuleInit, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { PERMISSION, PUBLIC } from './requires.js';

/** Stops the start when a route names neither a permission nor that it is public. */
@Injectable()
export class RoutePermissions implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const open = this.discovery.getControllers().flatMap(({ metatype }) => this.routesWithout(metatype as Controller));
    if (open.length > 0) throw new Error(`Routes without @Requires or @Public: ${open.join(', ')}.`);
  }

  private routesWithout(controller: Controller): string[] {
    return this.scanner
      .getAllMethodNames(controller.prototype)
      .map((name) => ({ name, handler: controller.prototype[name]! }))
      .filter(({ handler }) => Reflect.getMetadata(METHOD_METADATA, handler) in RequestMethod)
      .filter(({ handler }) => !this.isDeclared(handler, controller))
      .map(({ name }) => `${controller.name}.${name}`);
  }

  private isDeclared(...targets: (Controller | Handler)[]): boolean {
    return [PERMISSION, PUBLIC].some((key) => this.reflector.getAllAndOverride<unknown>(key, targets) !== undefined);
  }
}

type Handler = (...args: never[]) => unknown;

interface Controller extends Function {
  readonly prototype: Record<string, Handler>;
}
