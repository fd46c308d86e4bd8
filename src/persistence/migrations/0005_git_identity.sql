ALTER TABLE "containers" ADD COLUMN "git_name" text;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "git_email" text;