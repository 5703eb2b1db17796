# The bridge has access to its queue only.
resource "aws_iam_role" "bridge" {
  name               = "${var.name}-bridge"
  assume_role_policy = var.assume_role_policy
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

# Workers read media, store results, and call the AI services, which have no resource-level permissions.
resource "aws_iam_role" "worker" {
  name               = "${var.name}-worker"
  assume_role_policy = var.assume_role_policy
}

resource "aws_iam_role_policy" "worker" {
  name = "worker"
  role = aws_iam_role.worker.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadMedia"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
        Resource = "${local.media}/*"
      },
      { Sid = "KeepResults", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "${local.results}/*" },
      { Sid = "FindResults", Effect = "Allow", Action = "s3:ListBucket", Resource = local.results },
      { Sid = "CallServices", Effect = "Allow", Action = local.wanted.worker, Resource = "*" },
      { Sid = "TellOfPolly", Effect = "Allow", Action = "sns:Publish", Resource = aws_sns_topic.jobs.arn },
      {
        Sid      = "HandOnRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = [aws_iam_role.jobs.arn, aws_iam_role.mediaconvert.arn]
      },
    ]
  })
}
