output "settings" {
  description = "Headrace's settings for these resources."
  value = {
    HEADRACE_QUEUE_URLS            = aws_sqs_queue.events.url
    HEADRACE_MEDIA_BUCKET          = var.media_bucket
    HEADRACE_RESULTS_BUCKET        = var.results_bucket
    HEADRACE_JOBS_TOPIC_ARN        = aws_sns_topic.jobs.arn
    HEADRACE_JOBS_ROLE_ARN         = aws_iam_role.jobs.arn
    HEADRACE_MEDIACONVERT_ROLE_ARN = aws_iam_role.mediaconvert.arn
  }
}

output "role_arns" {
  description = "The role of each component, for its service account."
  value = merge(
    { bridge = aws_iam_role.bridge.arn, webhook = aws_iam_role.webhook.arn },
    { views = aws_iam_role.views.arn, console = aws_iam_role.console.arn },
    { machine-api = aws_iam_role.machine_api.arn },
    { for stage, role in aws_iam_role.stage : stage => role.arn },
  )
}

output "forget_people_policy_arn" {
  description = "The policy of `headrace faces forget`, for the roles of operators."
  value       = aws_iam_policy.forget_people.arn
}
