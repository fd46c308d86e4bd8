ALTER TABLE "containers" ADD COLUMN "clone_depth" integer;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "submodules" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "lfs" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "setup" text;