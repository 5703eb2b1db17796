# Job completions: Rekognition, Textract and Polly publish to SNS, the other services to EventBridge.

resource "aws_sns_topic" "jobs" {
  name = "AmazonRekognition-${var.name}" # AWS's own role for Rekognition allows topics of this prefix
}

resource "aws_sns_topic_subscription" "jobs" {
  topic_arn = aws_sns_topic.jobs.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.events.arn
}

resource "aws_cloudwatch_event_rule" "jobs" {
  for_each      = local.wanted.patterns
  name          = "${var.name}-events-${each.key}"
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "jobs" {
  for_each = aws_cloudwatch_event_rule.jobs
  rule     = each.value.name
  arn      = aws_sqs_queue.events.arn
}

# The services that assume the role to publish job completions.
data "aws_iam_policy_document" "jobs_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["rekognition.amazonaws.com", "textract.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "jobs" {
  name               = "${var.name}-jobs"
  assume_role_policy = data.aws_iam_policy_document.jobs_assume.json
}

resource "aws_iam_role_policy" "jobs" {
  name = "tell"
  role = aws_iam_role.jobs.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sns:Publish", Resource = aws_sns_topic.jobs.arn }]
  })
}

# MediaConvert reads media and writes proxies itself.
data "aws_iam_policy_document" "mediaconvert_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["mediaconvert.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "mediaconvert" {
  name               = "${var.name}-mediaconvert"
  assume_role_policy = data.aws_iam_policy_document.mediaconvert_assume.json
}

resource "aws_iam_role_policy" "mediaconvert" {
  name = "convert"
  role = aws_iam_role.mediaconvert.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = local.wanted.objects.convert_media, Resource = "${local.media}/*" },
      { Effect = "Allow", Action = local.wanted.objects.convert_results, Resource = "${local.results}/*" },
    ]
  })
}
