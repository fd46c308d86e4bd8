ALTER TABLE "containers" ADD COLUMN "idle_stop_minutes" integer;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "ttl_minutes" integer;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "last_activity_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "activity" text;