# The bridge has access to its queue only.
resource "aws_iam_role" "bridge" {
  name               = "${var.name}-bridge"
  assume_role_policy = lookup(var.assume_role_policies, "bridge", var.assume_role_policy)
}

resource "aws_iam_role_policy" "bridge" {
  name = "bridge"
  role = aws_iam_role.bridge.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "EmptyQueues", Effect = "Allow", Action = local.wanted.bridge, Resource = aws_sqs_queue.events.arn },
    ]
  })
}

# The webhook confirms its own subscriptions only.
resource "aws_iam_role" "webhook" {
  name               = "${var.name}-webhook"
  assume_role_policy = lookup(var.assume_role_policies, "webhook", var.assume_role_policy)
}

resource "aws_iam_role_policy" "webhook" {
  count = length(var.webhook_topic_arns) > 0 ? 1 : 0
  name  = "webhook"
  role  = aws_iam_role.webhook.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sns:ConfirmSubscription", Resource = var.webhook_topic_arns }]
  })
}

# The projector of the views reads results, whose text is searchable.
resource "aws_iam_role" "views" {
  name               = "${var.name}-views"
  assume_role_policy = lookup(var.assume_role_policies, "views", var.assume_role_policy)
}

resource "aws_iam_role_policy" "views" {
  name = "views"
  role = aws_iam_role.views.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "ReadResults", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.results}/*" },
      { Sid = "FindResults", Effect = "Allow", Action = "s3:ListBucket", Resource = local.results },
    ]
  })
}

# The web console reads media and results, for players and pictures.
resource "aws_iam_role" "console" {
  name               = "${var.name}-console"
  assume_role_policy = lookup(var.assume_role_policies, "console", var.assume_role_policy)
}

resource "aws_iam_role_policy" "console" {
  name = "console"
  role = aws_iam_role.console.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "ReadObjects", Effect = "Allow", Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = ["${local.media}/*", "${local.results}/*"] },
      { Sid = "FindObjects", Effect = "Allow", Action = "s3:ListBucket", Resource = [local.media, local.results] },
    ]
  })
}

# What `headrace faces forget` needs. It is attached to no role: an operator runs the command, and no component does.
resource "aws_iam_policy" "forget_people" {
  name        = "${var.name}-forget-people"
  description = "Delete faces of collections, and pictures of faces in the results bucket."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "DeleteFaces", Effect = "Allow", Action = local.wanted.forget_people, Resource = "arn:${local.partition}:rekognition:*:${local.account}:collection/*" },
      { Sid = "DeletePictures", Effect = "Allow", Action = local.wanted.objects.forget_people, Resource = "${local.results}/*" },
      { Sid = "FindPictures", Effect = "Allow", Action = "s3:ListBucket", Resource = local.results },
    ]
  })
}

# The Step Functions API stores and reads definitions and payloads in the results bucket.
resource "aws_iam_role" "machine_api" {
  name               = "${var.name}-machine-api"
  assume_role_policy = lookup(var.assume_role_policies, "machine-api", var.assume_role_policy)
}

resource "aws_iam_role_policy" "machine_api" {
  name = "machine-api"
  role = aws_iam_role.machine_api.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "StorePayloads", Effect = "Allow", Action = local.wanted.objects.store_results, Resource = "${local.results}/*" },
      { Sid = "FindPayloads", Effect = "Allow", Action = "s3:ListBucket", Resource = local.results },
    ]
  })
}

# A role for each stage: it calls the operations of its stage, reads media only if the stage does, and stores results.
resource "aws_iam_role" "stage" {
  for_each           = local.wanted.stages
  name               = "${var.name}-${each.key}"
  assume_role_policy = lookup(var.assume_role_policies, each.key, var.assume_role_policy)
}

locals {
  # Actions with resource-level permissions. The others have none for the way in which stages call them:
  # https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
  resources = {
    "bedrock:InvokeModel" = [for model in var.bedrock_models : "arn:${local.partition}:bedrock:*::foundation-model/${model}"]
    "bedrock:InvokeDataAutomationAsync" = [
      "arn:${local.partition}:bedrock:*:${local.account}:data-automation-profile/*",
      "arn:${local.partition}:bedrock:*:${local.account}:data-automation-project/*",
      "arn:${local.partition}:bedrock:*:aws:data-automation-project/public-default",
    ]
    "bedrock:GetDataAutomationStatus" = ["arn:${local.partition}:bedrock:*:${local.account}:data-automation-invocation/*"]
    "mediaconvert:CreateJob"          = ["arn:${local.partition}:mediaconvert:*:${local.account}:queues/Default"]
    "mediaconvert:GetJob"             = ["arn:${local.partition}:mediaconvert:*:${local.account}:jobs/*"]
    "transcribe:GetTranscriptionJob"  = ["arn:${local.partition}:transcribe:*:${local.account}:transcription-job/*"]
  }

  # The role that a stage passes to the service that runs its jobs.
  passed = {
    for stage, wanted in local.wanted.stages : stage =>
    wanted.passes == "mediaconvert" ? aws_iam_role.mediaconvert.arn : wanted.passes != "" ? aws_iam_role.jobs.arn : ""
  }
}

data "aws_iam_policy_document" "stage" {
  for_each = local.wanted.stages

  dynamic "statement" {
    for_each = each.value.reads_media ? [1] : []
    content {
      sid       = "ReadMedia"
      actions   = local.wanted.objects.read_media
      resources = ["${local.media}/*"]
    }
  }

  # Without it S3 answers 403 instead of 404 for an object that does not exist.
  dynamic "statement" {
    for_each = each.value.reads_media ? [1] : []
    content {
      sid       = "FindMedia"
      actions   = ["s3:ListBucket"]
      resources = [local.media]
    }
  }

  statement {
    sid       = "StoreResults"
    actions   = local.wanted.objects.store_results
    resources = ["${local.results}/*"]
  }

  statement {
    sid       = "FindResults"
    actions   = ["s3:ListBucket"]
    resources = [local.results]
  }

  dynamic "statement" {
    for_each = each.value.actions
    content {
      actions   = [statement.value]
      resources = lookup(local.resources, statement.value, ["*"])
    }
  }

  # What the tasks of state machines call. `wanted.json` has the actions of the default allow-list as `tasks`.
  dynamic "statement" {
    for_each = each.key == "machine-tasks" ? var.machine_task_resources : {}
    content {
      actions   = [statement.key]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = contains(each.value.actions, "polly:StartSpeechSynthesisTask") ? [1] : []
    content {
      sid       = "PublishCompletions"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.jobs.arn]
    }
  }

  dynamic "statement" {
    for_each = each.value.passes != "" ? [each.value.passes] : []
    content {
      sid       = "PassRole"
      actions   = ["iam:PassRole"]
      resources = [local.passed[each.key]]
      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["${statement.value}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role_policy" "stage" {
  for_each = local.wanted.stages
  name     = "stage"
  role     = aws_iam_role.stage[each.key].id
  policy   = data.aws_iam_policy_document.stage[each.key].json
}
