"""Read-only checks of an AWS account: permissions, quotas, regions, queues, topics, notifications and clock."""
